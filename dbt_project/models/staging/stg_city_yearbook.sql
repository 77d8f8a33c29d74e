{{ stage('city_yearbook') }}
