{{ stage('csmar') }}
