{{ stage('market_index', places='province') }}
