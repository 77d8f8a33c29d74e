{{ stage('gov_reports') }}
