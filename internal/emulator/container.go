package emulator

import "io/fs"

// InContainer says how it is known that this process runs in a container, or "" when it does not: by the files that
// Docker and Podman put into one, or by the variables that Kubernetes, Podman and systemd set there. A network
// reaches a container as far as whoever started it published its ports.
func InContainer(root fs.FS, getenv func(string) string) string {
	for _, name := range []string{".dockerenv", "run/.containerenv"} {
		if _, err := fs.Stat(root, name); err == nil {
			return "/" + name
		}
	}
	for _, name := range []string{"KUBERNETES_SERVICE_HOST", "container"} {
		if getenv(name) != "" {
			return name
		}
	}
	return ""
}
