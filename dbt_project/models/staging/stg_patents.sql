{{ stage('patents') }}
