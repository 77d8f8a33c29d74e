{{ stage('edgar_city') }}
