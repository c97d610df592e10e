package main

import (
	"strings"
	"time"

	"milkrun/sync/catalogue"
	"milkrun/sync/config"
	"milkrun/sync/words"
)

// interfaceView is an interface of the catalogue.
type interfaceView struct {
	Name       string                 `json:"name"`
	Connection string                 `json:"connection"`
	Title      string                 `json:"title,omitempty"`
	Zh         string                 `json:"zh,omitempty"`
	Purpose    string                 `json:"purpose,omitempty"`
	Key        []string               `json:"key,omitempty"`
	Time       string                 `json:"time,omitempty"`
	Within     int64                  `json:"within_seconds,omitempty"`
	Every      int64                  `json:"every_seconds,omitempty"`
	DoneBy     string                 `json:"done_by,omitempty"`
	UserData   bool                   `json:"user_data"`
	Jobs       []string               `json:"jobs"`
	Versions   []interfaceVersionView `json:"versions"`
}

// interfaceVersionView is one version of an interface; To is the first moment at which it is no longer in effect.
type interfaceVersionView struct {
	Number   int                  `json:"number"`
	From     time.Time            `json:"from,omitzero"`
	To       time.Time            `json:"to,omitzero"`
	InEffect bool                 `json:"in_effect"`
	Fields   []interfaceFieldView `json:"fields"`
	Example  map[string]any       `json:"example"`
	Cases    []catalogue.Case     `json:"test_cases"`
}

// interfaceFieldView is one field of a version.
type interfaceFieldView struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Required  bool     `json:"required"`
	Min       string   `json:"min,omitempty"`
	Max       string   `json:"max,omitempty"`
	MinLength int      `json:"min_length,omitempty"`
	MaxLength int      `json:"max_length,omitempty"`
	Enum      []string `json:"enum,omitempty"`
	Pattern   string   `json:"pattern,omitempty"`
	Personal  string   `json:"personal,omitempty"`
	Allowed   string   `json:"allowed,omitempty"`
	Title     string   `json:"title,omitempty"`
	Zh        string   `json:"zh,omitempty"`
}

func viewInterface(conf *config.Config, i *catalogue.Interface, now time.Time) interfaceView {
	v := interfaceView{Name: i.Name, Connection: i.Connection, Title: i.Title, Zh: i.Zh, Purpose: i.Purpose, Key: i.Key, Time: i.Time,
		Within: int64(i.Within.Seconds()), Every: int64(i.Every.Seconds()), DoneBy: i.DoneBy, UserData: i.UserData, Jobs: []string{}}
	for _, j := range conf.Jobs {
		if j.Interface.Interface == i {
			v.Jobs = append(v.Jobs, j.Name)
		}
	}
	for _, one := range i.Versions {
		view := interfaceVersionView{Number: one.Number, From: one.From, To: one.To, Fields: views(one.Fields, viewField)}
		view.Example, view.Cases = one.Cases()
		for _, now := range i.InEffect(now) {
			view.InEffect = view.InEffect || now == one
		}
		v.Versions = append(v.Versions, view)
	}
	return v
}

func viewField(f *catalogue.Field) interfaceFieldView {
	v := interfaceFieldView{Name: f.Name, Type: f.Type, Required: f.Required, Min: f.Min, Max: f.Max, MinLength: f.Short, MaxLength: f.Long,
		Enum: f.Enum, Pattern: f.Pattern, Title: f.Title, Zh: f.Zh}
	if f.IsPersonal() {
		v.Personal, v.Allowed = f.Personal, f.Allowed
	}
	return v
}

func (a *app) chinese() bool { return a.lang == words.Chinese }

// list is names one behind the other.
func list(names []string) string { return strings.Join(names, ", ") }
