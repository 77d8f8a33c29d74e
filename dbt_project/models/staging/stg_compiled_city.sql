{{ stage('compiled_city') }}
