{{ stage('green_patents') }}
