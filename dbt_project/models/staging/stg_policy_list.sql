{{ stage('policy_list') }}
