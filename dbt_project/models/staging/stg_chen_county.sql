{{ stage('chen_county', places='county') }}
