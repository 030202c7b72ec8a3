package process

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	mountV2     = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	mountTmpfs  = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
	mountMemory = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
	mountCPU    = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
	mountHybrid = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
)

// groupV2 is the directory of a v2 group whose limit is given, and whose working set is 700 bytes.
func groupV2(dir, limit string) map[string]string {
	return map[string]string{
		dir + "/memory.max":      limit + "\n",
		dir + "/memory.current":  "1000\n",
		dir + "/memory.stat":     "anon 600\nfile 400\ninactive_anon 5\ninactive_file 300\nactive_file 100\n",
		dir + "/memory.events":   "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\noom_group_kill 5\n",
		dir + "/cpu.stat":        "usage_usec 9\nnr_periods 8\nnr_throttled 6\nthrottled_usec 1500\n",
		dir + "/cpu.pressure":    "some avg10=0.00 avg60=0.00 avg300=0.00 total=11\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=12\n",
		dir + "/memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=13\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=14\n",
		dir + "/io.pressure":     "some avg10=0.00 avg60=0.00 avg300=0.00 total=15\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=16\n",
	}
}

// groupV1 is the directory of a v1 group with the memory controller, whose working set is 600 bytes.
func groupV1(dir, limit string) map[string]string {
	return map[string]string{
		dir + "/memory.limit_in_bytes": "123\n",
		dir + "/memory.usage_in_bytes": "1000\n",
		dir + "/memory.stat": "inactive_file 1\nhierarchical_memory_limit " + limit +
			"\ntotal_cache 500\ntotal_inactive_file 400\n",
		dir + "/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n",
	}
}

// readV2 is what a groupV2 with a limit of 5000 bytes reads as.
func readV2() Memory {
	return Memory{
		CgroupLimitBytes: Some[uint64](5000),
		WorkingSetBytes:  Some[uint64](700),
		OOMKills:         Some[uint64](4),
		ThrottledPeriods: Some[uint64](6),
		ThrottledTime:    Some(1500 * time.Microsecond),
		CPUStall:         Stall{Some: Some(11 * time.Microsecond), Full: Some(12 * time.Microsecond)},
		MemoryStall:      Stall{Some: Some(13 * time.Microsecond), Full: Some(14 * time.Microsecond)},
		IOStall:          Stall{Some: Some(15 * time.Microsecond), Full: Some(16 * time.Microsecond)},
	}
}

func TestCgroup(t *testing.T) {
	const cg = "sys/fs/cgroup"
	v2, v2Unlimited := readV2(), readV2()
	v2Unlimited.CgroupLimitBytes = Opt[uint64]{}
	v1 := Memory{
		CgroupLimitBytes: Some[uint64](5000),
		WorkingSetBytes:  Some[uint64](600),
		OOMKills:         Some[uint64](7),
		ThrottledPeriods: Some[uint64](2),
		ThrottledTime:    Some(3 * time.Microsecond),
	}
	v1Unlimited := Memory{WorkingSetBytes: Some[uint64](600), OOMKills: Some[uint64](7)}
	hybrid := v1Unlimited
	hybrid.CPUStall.Some = Some(time.Microsecond)

	for _, row := range []struct {
		name       string
		membership string
		mountinfo  string
		files      []map[string]string
		want       Memory
	}{
		{"v2", "0::/a.slice/b.service\n", mountV2,
			[]map[string]string{groupV2(cg+"/a.slice/b.service", "5000")}, v2},
		{"v2, a smaller limit above", "0::/a/b/c\n", mountV2,
			[]map[string]string{groupV2(cg+"/a/b/c", "max"), groupV2(cg+"/a/b", "9000"), groupV2(cg+"/a", "5000")}, v2},
		{"v2, a smaller limit below", "0::/a/b\n", mountV2,
			[]map[string]string{groupV2(cg+"/a/b", "5000"), groupV2(cg+"/a", "9000")}, v2},
		{"v2, no limit set", "0::/a\n", mountV2,
			[]map[string]string{groupV2(cg+"/a", "max")}, v2Unlimited},
		{"v2, the namespace's root", "0::/\n", mountV2,
			[]map[string]string{groupV2(cg, "5000")}, v2},
		{"v2, the machine's root without controllers", "0::/\n", mountV2,
			[]map[string]string{{cg + "/cpu.stat": "usage_usec 9\n", cg + "/cgroup.procs": ""}}, Memory{}},
		{"v2, only a group of it mounted", "0::/docker/4f/app\n",
			"30 23 0:26 /docker/4f /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			[]map[string]string{groupV2(cg+"/app", "5000")}, v2},
		{"v2, mounted from outside the namespace", "0::/../b\n",
			"30 23 0:26 /.. /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			[]map[string]string{groupV2(cg+"/b", "5000")}, v2},
		{"v2, process outside the namespace", "0::/../../b\n", mountV2,
			[]map[string]string{groupV2(cg+"/b", "5000"), groupV2(cg, "5000")}, Memory{}},
		{"v2, process in an unmounted part", "0::/user.slice\n",
			"30 23 0:26 /docker/4f /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			[]map[string]string{groupV2(cg, "5000")}, Memory{}},
		{"v2, names that only begin alike", "0::/docker/4f0\n",
			"30 23 0:26 /docker/4f /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			[]map[string]string{groupV2(cg, "5000"), groupV2(cg+"/0", "5000")}, Memory{}},
		{"v2, a mount point with a blank", "0::/a\n",
			"30 23 0:26 / /mnt/control\\040groups rw - cgroup2 none rw\n",
			[]map[string]string{groupV2("mnt/control groups/a", "5000")}, v2},
		{"v2, mounted twice", "0::/docker/4f\n",
			"29 23 0:26 /other /mnt rw - cgroup2 none rw\n" + mountV2 + "33 23 0:26 /other /opt rw - cgroup2 none rw\n",
			[]map[string]string{groupV2(cg+"/docker/4f", "5000"), groupV2("mnt", "1"), groupV2("opt", "1")}, v2},
		{"v1", "4:memory:/a\n3:cpu,cpuacct:/c\n1:name=systemd:/\n", mountTmpfs + mountCPU + mountMemory,
			[]map[string]string{groupV1(cg+"/memory/a", "5000"),
				{cg + "/cpu,cpuacct/c/cpu.stat": "nr_periods 1\nnr_throttled 2\nthrottled_time 3000\n"}}, v1},
		{"v1, no limit set", "4:memory:/a\n", mountMemory,
			[]map[string]string{groupV1(cg+"/memory/a", "9223372036854771712")}, v1Unlimited},
		{"v1, no limit set, pages of 64 KiB", "4:memory:/a\n", mountMemory,
			[]map[string]string{groupV1(cg+"/memory/a", "9223372036854710272")}, v1Unlimited},
		{"v1 in a container without a namespace", "4:memory:/docker/4f\n",
			"35 31 0:32 /docker/4f /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
			[]map[string]string{groupV1(cg+"/memory", "9223372036854771712")}, v1Unlimited},
		{"hybrid", "4:memory:/a\n1:cpu,cpuacct:/\n0::/\n", mountTmpfs + mountMemory + mountHybrid,
			[]map[string]string{groupV1(cg+"/memory/a", "9223372036854771712"),
				{cg + "/unified/cpu.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"}}, hybrid},
		{"a colon in the group's name", "0::/a:b\n", mountV2,
			[]map[string]string{groupV2(cg+"/a:b", "5000")}, v2},
		{"a group that is gone", "0::/a (deleted)\n", mountV2, nil, Memory{}},
		{"no control groups", "", "", nil, Memory{}},
		{"garbage", "0:\n\n::\nx", "1 2 3\n - \n1 2 3 4 5 - cgroup2\n", nil, Memory{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			sys := openAtRoot(t, cgroupTree(t, row.membership, row.mountinfo, row.files...))
			var got Memory
			if err := sys.readCgroup(&got); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func cgroupTree(t *testing.T, membership, mountinfo string, groups ...map[string]string) string {
	t.Helper()
	files := map[string]string{
		"proc/self/statm":     "1000 200 30 1 0 50 0\n",
		"proc/self/cgroup":    membership,
		"proc/self/mountinfo": mountinfo,
	}
	for _, group := range groups {
		maps.Copy(files, group)
	}
	return tree(t, files)
}

func TestWorkingSetIsNeverBelowZero(t *testing.T) {
	group := groupV2("sys/fs/cgroup/a", "max")
	group["sys/fs/cgroup/a/memory.current"] = "299\n"
	sys := openAtRoot(t, cgroupTree(t, "0::/a\n", mountV2, group))
	var m Memory
	if err := sys.readCgroup(&m); err != nil || m.WorkingSetBytes != Some[uint64](0) {
		t.Errorf("working set %+v, %v", m.WorkingSetBytes, err)
	}
}

func TestLimitsAreReadAnew(t *testing.T) {
	root := cgroupTree(t, "0::/a/b\n", mountV2, groupV2("sys/fs/cgroup/a/b", "max"), groupV2("sys/fs/cgroup/a", "max"))
	sys := openAtRoot(t, root)
	for _, row := range []struct {
		text string
		want Opt[uint64]
	}{
		{"max\n", Opt[uint64]{}},
		{"4096\n", Some[uint64](4096)},
		{"8192\n", Some[uint64](8192)},
		{"max\n", Opt[uint64]{}},
	} {
		if err := os.WriteFile(filepath.Join(root, "sys/fs/cgroup/a/memory.max"), []byte(row.text), 0o644); err != nil {
			t.Fatal(err)
		}
		var m Memory
		if err := sys.readCgroup(&m); err != nil || m.CgroupLimitBytes != row.want {
			t.Errorf("limit %q reads as %+v, %v", row.text, m.CgroupLimitBytes, err)
		}
	}
}

func TestCgroupFailuresAreUnknownAndNamed(t *testing.T) {
	const dir = "sys/fs/cgroup/a/b"
	for _, row := range []struct {
		file, content string // an empty content makes it a directory, which cannot be read
		reading       func(Memory) error
	}{
		{dir + "/memory.max", "many\n", func(m Memory) error { return m.CgroupLimitBytes.Err }},
		{"sys/fs/cgroup/a/memory.max", "", func(m Memory) error { return m.CgroupLimitBytes.Err }},
		{dir + "/memory.current", "", func(m Memory) error { return m.WorkingSetBytes.Err }},
		{dir + "/memory.stat", "inactive_file -1\n", func(m Memory) error { return m.WorkingSetBytes.Err }},
		{dir + "/memory.events", "", func(m Memory) error { return m.OOMKills.Err }},
		{dir + "/cpu.stat", "throttled_usec x\nnr_throttled 1\n", func(m Memory) error { return m.ThrottledTime.Err }},
		{dir + "/io.pressure", "", func(m Memory) error { return m.IOStall.Full.Err }},
	} {
		t.Run(row.file, func(t *testing.T) {
			group := groupV2(dir, "5000")
			delete(group, row.file)
			if row.content == "" {
				group[row.file+"/entry"] = ""
			} else {
				group[row.file] = row.content
			}
			root := cgroupTree(t, "0::/a/b\n", mountV2, group)
			sys := openAtRoot(t, root)
			var m Memory
			err := sys.readCgroup(&m)
			wantFailed(t, row.reading(m), err, filepath.Join(root, row.file))
			if lines := strings.Count(err.Error(), "\n"); lines != 0 {
				t.Errorf("one failure is reported as %q", err)
			}
		})
	}
}

// TestThisCgroup checks that a machine with control groups, as every Linux since 2016 has, is understood.
func TestThisCgroup(t *testing.T) {
	for controller, g := range findGroups("/") {
		procs, err := os.ReadFile(g.file("cgroup.procs"))
		if err != nil {
			t.Errorf("the group of %q: %v", controller, err)
			continue
		}
		if !slices.Contains(strings.Fields(string(procs)), strconv.Itoa(os.Getpid())) {
			t.Errorf("the group of %q, %s, does not hold this process", controller, g.dir)
		}
	}
}

func FuzzCgroupPaths(f *testing.F) {
	f.Add("0::/a\n4:cpu,cpuacct:/b\n", mountV2+mountCPU)
	f.Add("0::/../a\n", `30 23 0:26 /.. /a\040b rw - cgroup2 none rw`)
	f.Fuzz(func(t *testing.T, memberships, mountinfo string) {
		for _, path := range parseMemberships(memberships) {
			for _, m := range parseMounts(mountinfo) {
				if g, ok := m.group("/", path); ok && !strings.HasPrefix(g.dir, g.top) {
					t.Errorf("group %q is not below %q", g.dir, g.top)
				}
			}
		}
	})
}
