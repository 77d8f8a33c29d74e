"""Programs that measure the project itself. They import the domain and are imported by nothing but their tests."""
