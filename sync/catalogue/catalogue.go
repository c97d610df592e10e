package catalogue

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"milkrun/sync/exchange"
	"milkrun/sync/mask"
	"milkrun/sync/setting"
)

// Interface is one interface of an agreement with all its versions.
type Interface struct {
	Name       string
	Connection string // the partner's, in the configuration
	// Title and Zh say what it is, in English and Chinese; Purpose is what its data may be used for (agreement, 一).
	Title, Zh, Purpose string
	Key                []string // fields that tell its records apart, for reports
	// Time is the field that says when a record came to be or was changed last; without it no lag is known.
	Time string
	// Within, DoneBy and Every are what is promised (agreement, 二.2): the longest lag of a record, the time of day at which
	// the day's delivery is done, the longest time between two runs. Zero: nothing is promised.
	Within, Every time.Duration
	DoneBy        string     // "07:00"
	UserData      bool       // an interface of user data: a whitelist, desensitised only
	Versions      []*Version // by number, with no number twice
	Digest        string     // of the definition
}

// Version is an interface as it is in effect from a moment on.
type Version struct {
	Number int
	// From is when it takes effect, zero: it always was; To is when it is no longer in effect, zero: that is open.
	From, To time.Time
	Dates    exchange.Layout
	Fields   []*Field // in the order they are written in
}

// Field is one field of a version.
type Field struct {
	Name      string
	Type      string // one of Types
	Required  bool
	Min, Max  string // of a number, as text; "" is no bound
	Short     int    // the least and the most characters of a text; 0 is no bound
	Long      int
	Enum      []string // the only values; nil when free
	Pattern   string   // a regular expression that the whole text must match
	Personal  string   // one of Classes
	Allowed   string   // of a personal field: Raw, Masked or Never
	Title, Zh string
	Layout    exchange.Layout // of a time or date that comes as text
}

// The types of fields.
const (
	Text    = "text"
	Integer = "integer"
	Decimal = "decimal"
	Boolean = "boolean"
	Time    = "time"
	Date    = "date"
	Any     = "any"
)

// Types returns the types of fields.
func Types() []string { return []string{Text, Integer, Decimal, Boolean, Time, Date, Any} }

// How a personal field may be exchanged.
const (
	Raw    = "raw"
	Masked = "masked"
	Never  = "never"
)

// notPersonal is the class of a field that is not personal.
const notPersonal = "none"

// Classes returns the classes of personal data, and "none".
func Classes() []string {
	return []string{notPersonal, "name", "phone", "landline", "id_card", "bank_card", "address", "email", "ip", "plate", "other"}
}

// dateOnly is the form of a date that comes as text.
const dateOnly exchange.Layout = "2006-01-02"

// New returns an interface without versions.
func New(name string) *Interface { return &Interface{Name: name} }

// NewVersion returns a version without fields that always was, and stays, in effect.
func NewVersion(number int) *Version {
	return &Version{Number: number, Dates: exchange.DefaultLayout}
}

// NewField returns a field of a version.
func NewField(name string) *Field {
	return &Field{Name: name, Type: Text, Personal: notPersonal, Allowed: Masked}
}

// Fields returns the keys of an interface.
func (i *Interface) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("connection", &i.Connection, "NAME of the partner's [connections.NAME]", "对方连接 [connections.NAME] 的名称").Require(),
		setting.Text("title", &i.Title, "what the interface is, in English", "接口说明（英文）"),
		setting.Text("zh", &i.Zh, "what the interface is, in Chinese", "接口说明（中文）"),
		setting.Text("purpose", &i.Purpose, "what the data may be used for (agreement, 一)", "数据用途（协议第一条）"),
		setting.Texts("key", &i.Key, "the fields that tell records apart, for reports", "唯一确定一条记录的字段，用于报告"),
		setting.Text("time", &i.Time, "the field that says when a record came to be or was changed; from it, the lag of new records is measured",
			"记录产生或变更时间所在字段，用于计算时延"),
		setting.Duration("within", &i.Within, "promised: a record is delivered this long after its own time (agreement, 二.2)",
			"承诺时延：记录产生后多久内送达（协议 二.2）"),
		setting.Custom("done_by", "time of day", "", i.setDoneBy, `promised: the day's delivery is done by then, as "07:00"`, `承诺：每日在此时刻前完成，如 "07:00"`),
		setting.Duration("every", &i.Every, "promised: there is a run at least this often", "承诺：至少每隔多久同步一次"),
		setting.Bool("user_data", &i.UserData, "an interface of user data: only listed fields are exchanged, and personal ones only masked (agreement, 二.1)",
			"用户数据接口：只传输所列字段，个人信息必须脱敏（协议 二.1）"),
	}
}

func (i *Interface) setDoneBy(text string) error {
	if _, err := time.Parse("15:04", text); err != nil || len(text) != len("15:04") {
		return fmt.Errorf("%q is no time of day; write for example \"07:00\"", text)
	}
	i.DoneBy = text
	return nil
}

// Promises says in words what is promised, in English; "" when nothing is.
func (i *Interface) Promises() string {
	var list []string
	if i.Within > 0 {
		list = append(list, "each record within "+setting.FormatDuration(i.Within))
	}
	if i.DoneBy != "" {
		list = append(list, "every day by "+i.DoneBy)
	}
	if i.Every > 0 {
		list = append(list, "at least every "+setting.FormatDuration(i.Every))
	}
	return strings.Join(list, "; ")
}

// Version returns the version of a number, nil when there is none.
func (i *Interface) Version(number int) *Version {
	for _, v := range i.Versions {
		if v.Number == number {
			return v
		}
	}
	return nil
}

// InEffect returns the versions that are in effect at a moment, the newest first.
func (i *Interface) InEffect(at time.Time) []*Version {
	var list []*Version
	for n := len(i.Versions) - 1; n >= 0; n-- {
		v := i.Versions[n]
		if !at.Before(v.From) && (v.To.IsZero() || at.Before(v.To)) {
			list = append(list, v)
		}
	}
	return list
}

// Coming returns the versions that take effect after a moment, in the order of their numbers.
func (i *Interface) Coming(at time.Time) []*Version {
	var list []*Version
	for _, v := range i.Versions {
		if v.From.After(at) {
			list = append(list, v)
		}
	}
	return list
}

// Label is the name of a version: orders@2.
func (i *Interface) Label(v *Version) string { return i.Name + "@" + strconv.Itoa(v.Number) }

// Field returns the field of a name, nil when there is none.
func (v *Version) Field(name string) *Field {
	for _, f := range v.Fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// IsPersonal says whether the field holds personal data.
func (f *Field) IsPersonal() bool { return f.Personal != notPersonal }

// MustMask says whether the field may leave only masked.
func (f *Field) MustMask() bool { return f.IsPersonal() && f.Allowed == Masked }

// Forbidden says whether the field may not be exchanged at all.
func (f *Field) Forbidden() bool { return f.IsPersonal() && f.Allowed == Never }

// Use is what a job says about its interface. The zero Use is none.
type Use struct {
	*Interface
	Pinned   int  // the version, 0: those in effect when a run begins
	Outgoing bool // the partner of the interface is the job's target, not its source
}

// ParseUse splits what a job writes: orders, or orders@2. The version is 0 when none is written.
func ParseUse(text string) (name string, version int, err error) {
	name, number, pinned := strings.Cut(text, "@")
	if !pinned {
		return name, 0, nil
	}
	version, err = strconv.Atoi(number)
	if err != nil || version < 1 {
		return name, 0, fmt.Errorf("%q is no version of an interface; write for example %s@2, or %s", text, name, name)
	}
	return name, version, nil
}

// At returns the versions a run that begins at a moment goes by, the newest first; none: nothing is in effect.
func (u Use) At(at time.Time) []*Version {
	if u.Pinned > 0 {
		if v := u.Version(u.Pinned); v != nil {
			return []*Version{v}
		}
		return nil
	}
	return u.InEffect(at)
}

// String is what a job writes; "" for none.
func (u Use) String() string {
	switch {
	case u.Interface == nil:
		return ""
	case u.Pinned > 0:
		return u.Name + "@" + strconv.Itoa(u.Pinned)
	}
	return u.Name
}

// Personal returns the masking rule of a field that holds personal data in any version, for what is stored of a record.
func (u Use) Personal(field string) (mask.Rule, bool) {
	if u.Interface == nil {
		return 0, false
	}
	for _, v := range u.Versions {
		if f := v.Field(field); f != nil && f.IsPersonal() {
			return f.class(), true
		}
	}
	return 0, false
}

// Fingerprint tells two uses apart, also when only the definition has changed.
func (u Use) Fingerprint() string {
	if u.Interface == nil {
		return ""
	}
	return u.String() + " " + u.Digest
}
