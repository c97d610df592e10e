package page

import "milkrun/cmd/milkrun/standing"

// doubtView is a batch of unknown outcome, with what settles it.
type doubtView struct {
	ID, Job, Records, Command string
	Sent                      stamp
	Back, Form                string
}

// doubts are the batches of a job that nobody knows the outcome of, oldest first.
func (v *visit) doubts(j *standing.Job) (fragment, error) {
	var list []doubtView
	all, err := v.Store.Doubts(v.Context())
	for _, i := range all {
		if i.Job == j.Name {
			list = append(list, doubtView{ID: i.ID, Job: i.Job, Records: v.many(int64(i.Records), "record"), Sent: v.stamp(i.At, j.Location),
				Command: "milkrun doubt settle " + i.ID + " --as sent|resend --note …", Back: back(v.URL.RequestURI()), Form: v.form})
		}
	}
	return fragment{ID: "doubts-" + j.Name, Tag: "section", Class: "halts", Name: "doubts", Data: list}, err
}

// settle settles a batch on a button's word.
func settle(outcome string) deed {
	return deed{needsWhy: true, do: func(p *page, f form, by By) (string, error) {
		return p.Actions.Settle(f.Context(), by, f.batch, outcome)
	}}
}
