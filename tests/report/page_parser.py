"""A page as tags, text and the stack of what is open, for tests."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Tags with their attributes, the text, and the stack of open tags."""

    VOID = {"meta", "br", "wbr", "img", "link", "input", "hr"}

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)
