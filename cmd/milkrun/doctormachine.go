package main

import (
	"syscall"
	"time"

	"milkrun/sync/kind"
)

const onMachine = "machine"

// slack is how far clocks may be apart before it is worth a word.
const slack = time.Minute

// examineMachine looks at the clock and the time zones.
func (d *doctor) examineMachine() {
	d.examineSync()
	if d.now.Year() < 2026 {
		d.add(onMachine, kind.Found(kind.Bad, "clock", "this machine's clock stands at %s, before this program was written", clock(d.now, time.UTC)).
			WithRemedy("set the clock right: timedatectl"))
	}
	if _, err := time.LoadLocation("Asia/Shanghai"); err != nil {
		d.add(onMachine, kind.Found(kind.Warning, "zones", "this machine has no time zone database").WithRemedy("apt-get install tzdata; without it only UTC can be used"))
		return
	}
	d.good(onMachine, "zones", "it is %s; time zones can be looked up", d.now.Format("2006-01-02 15:04:05 -0700"))
}

// examineSync asks the kernel whether something keeps its clock right. Where it must not be asked, nobody knows.
func (d *doctor) examineSync() {
	const unsynchronised = 5 // TIME_ERROR of adjtimex(2)
	var t syscall.Timex
	switch how, err := syscall.Adjtimex(&t); {
	case err != nil:
	case how == unsynchronised:
		d.add(onMachine, kind.Found(kind.Warning, "clock", "nothing keeps this machine's clock right").
			WithRemedy("timedatectl set-ntp true; a container takes the clock of its host: look there. Partners refuse requests with a wrong time"))
	default:
		d.good(onMachine, "clock", "the clock is kept right (to %v)", (time.Duration(t.Maxerror) * time.Microsecond).Round(time.Millisecond))
	}
}
