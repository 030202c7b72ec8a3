package process

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// unified is the name under which groups of v2 are found; those of v1 are found under their controllers' names.
const unified = ""

// group is a control group's directory, and that of the topmost group visible here.
type group struct{ dir, top string }

func (g group) file(name string) string { return filepath.Join(g.dir, name) }

// upwards returns the directories from the group's up to the topmost.
func (g group) upwards() []string {
	dirs := []string{g.dir}
	for dir := g.dir; dir != g.top; {
		dir = filepath.Dir(dir)
		dirs = append(dirs, dir)
	}
	return dirs
}

// mount is a mounted control group hierarchy, cgroups(7).
type mount struct {
	controllers []string // unified alone for v2; v1's mount options among them
	root        string   // the group that is mounted
	point       string   // where
}

// findGroups returns the groups of this process, by controller, as /proc/self/cgroup names them and
// /proc/self/mountinfo locates them.
func findGroups(root string) map[string]group {
	memberships, _ := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	mountinfo, _ := os.ReadFile(filepath.Join(root, "proc/self/mountinfo"))
	mounts := parseMounts(string(mountinfo))
	groups := make(map[string]group)
	for controller, path := range parseMemberships(string(memberships)) {
		for _, m := range mounts {
			if g, ok := m.group(root, path); ok && slices.Contains(m.controllers, controller) {
				groups[controller] = g
			}
		}
	}
	return groups
}

// group returns the group at path of the hierarchy, if this mount shows it. Both path and the mount's root are relative
// to the root of the cgroup namespace, and begin with /.. when they are outside of it.
func (m mount) group(root, path string) (group, bool) {
	below, err := filepath.Rel(strings.TrimPrefix(m.root, "/"), strings.TrimPrefix(path, "/"))
	if err != nil || !filepath.IsLocal(below) {
		return group{}, false
	}
	top := filepath.Join(root, m.point)
	dir := filepath.Join(top, below)
	info, err := os.Stat(dir)
	return group{dir: dir, top: top}, err == nil && info.IsDir()
}

// parseMemberships returns the path of the process's group by controller, from lines like "4:cpu,cpuacct:/a/b" (v1) and
// "0::/a/b" (v2).
func parseMemberships(s string) map[string]string {
	paths := make(map[string]string)
	for line := range strings.Lines(s) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) < 3 {
			continue
		}
		for controller := range strings.SplitSeq(fields[1], ",") {
			paths[controller] = fields[2]
		}
	}
	return paths
}

// parseMounts returns the control group mounts among the lines of a mountinfo, proc(5):
// "36 35 98:0 /root /point rw,noatime master:1 - type source rw,options".
func parseMounts(s string) []mount {
	var mounts []mount
	for line := range strings.Lines(s) {
		place, what, _ := strings.Cut(line, " - ")
		placed, kind := strings.Fields(place), strings.Fields(what)
		if len(placed) < 5 || len(kind) < 3 {
			continue
		}
		m := mount{root: unescape(placed[3]), point: unescape(placed[4])}
		switch kind[0] {
		case "cgroup":
			m.controllers = strings.Split(kind[2], ",")
		case "cgroup2":
			m.controllers = []string{unified}
		default:
			continue
		}
		mounts = append(mounts, m)
	}
	return mounts
}

// unescape resolves the octal escapes of mountinfo: "\040" is a blank.
func unescape(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		if s[0] == '\\' && len(s) >= 4 {
			if c, err := strconv.ParseUint(s[1:4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				s = s[4:]
				continue
			}
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String()
}
