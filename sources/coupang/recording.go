package coupang

import (
	"milkrun/sync/kind"
	"milkrun/sync/mask"
)

var _ kind.Personal = (*settings)(nil)

// Personal implements [kind.Personal] by what the documents say: fields of which nothing in their name tells that somebody's number
// or words are in them.
func (s *settings) Personal(func(column string) (mask.Rule, bool)) map[string]mask.Rule {
	list := map[string]mask.Rule{"companyContactNumber": ruleOf("phone")}
	for _, name := range freeText() {
		list[name] = ruleOf("text")
	}
	st := find(s.resource)
	if st == nil {
		return list
	}
	known := st.layoutOf(raw, "").known
	for name, f := range known {
		if f.personal && f.form != structure {
			list[name] = f.rule
		}
	}
	_, replies := known["replies"]
	if _, comments := known["commentDtoList"]; replies || comments {
		list["content"] = ruleOf("text")
	}
	return list
}
