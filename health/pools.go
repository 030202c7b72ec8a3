package health

import (
	"cmp"
	"slices"
)

// pool is what a snapshot says of one database pool.
type pool struct {
	name                                              string
	used, idle, maximum, utilization, waits, waitTime Number
}

// pools returns every pool that the snapshot knows of, also those that gave no reading, by name.
func (s *Snapshot) pools() []pool {
	u := UnknownNumber()
	list := namedList[pool]{make: func(name string) pool { return pool{name, u, u, u, u, u, u} }}
	for i := range s.Checks {
		if s.Checks[i].Kind == CheckDatabase {
			list.of(s.Checks[i].Name)
		}
	}
	for i := range s.Failures {
		if s.Failures[i].Kind == SourceDatabase {
			list.of(s.Failures[i].Source)
		}
	}
	for r := range s.All(MetricPoolCount) {
		if p := list.of(r.Attribute(AttrPoolName)); r.Attribute(AttrPoolState) == PoolStateIdle {
			p.idle = Number(r.Value)
		} else {
			p.used = Number(r.Value)
		}
	}
	each := func(metric string, field func(*pool) *Number) {
		for r := range s.All(metric) {
			*field(list.of(r.Attribute(AttrPoolName))) = Number(r.Value)
		}
	}
	each(MetricPoolMax, func(p *pool) *Number { return &p.maximum })
	each(MetricPoolUtil, func(p *pool) *Number { return &p.utilization })
	each(MetricPoolWaits, func(p *pool) *Number { return &p.waits })
	each(MetricPoolWaitTime, func(p *pool) *Number { return &p.waitTime })
	slices.SortFunc(list.items, func(a, b pool) int { return cmp.Compare(a.name, b.name) })
	return list.items
}

// broker is what a snapshot says of one source of WebSocket connections.
type broker struct {
	name                 string
	connections, symbols Number
}

// brokers returns every source of WebSocket connections that the snapshot knows of, by name.
func (s *Snapshot) brokers() []broker {
	list := namedList[broker]{make: func(name string) broker { return broker{name, UnknownNumber(), UnknownNumber()} }}
	for i := range s.Failures {
		if s.Failures[i].Kind == SourceWebSocket {
			list.of(s.Failures[i].Source)
		}
	}
	for r := range s.All(MetricWSConnections) {
		list.of(r.Attribute(AttrWebSocketSource)).connections = Number(r.Value)
	}
	for r := range s.All(MetricWSSymbols) {
		list.of(r.Attribute(AttrWebSocketSource)).symbols = Number(r.Value)
	}
	slices.SortFunc(list.items, func(a, b broker) int { return cmp.Compare(a.name, b.name) })
	return list.items
}

// namedList makes an item for each name that it is asked for.
type namedList[T any] struct {
	items []T
	index map[string]int
	make  func(name string) T
}

// of returns the item of that name, valid until the next call.
func (l *namedList[T]) of(name string) *T {
	i, ok := l.index[name]
	if !ok {
		if l.index == nil {
			l.index = make(map[string]int)
		}
		i = len(l.items)
		l.index[name] = i
		l.items = append(l.items, l.make(name))
	}
	return &l.items[i]
}
