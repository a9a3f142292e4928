# A Nomad job whose task runs under unveil-run, which reads one folder and binds one port.
#
# unveil-run is on each node. The driver raw_exec has no isolation of its own.
job "web" {
  group "web" {
    network {
      port "http" { static = 8080 }
    }
    task "web" {
      driver = "raw_exec"
      user   = "nobody"
      config {
        command = "/usr/local/bin/unveil-run"
        args    = ["-u", "/usr:rx", "-u", "/etc/mime.types:r", "-u", "/srv/site:r", "-p", "stdio rpath inet", "--bind", "8080", "--",
                   "python3", "-m", "http.server", "--directory", "/srv/site", "8080"]
      }
    }
  }
}
