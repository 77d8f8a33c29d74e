{{ stage('ceads_city') }}
