package config

import (
	"io"
	"strings"

	"milkrun/sync/catalogue"
)

// CatalogueSchema writes the JSON Schema of the catalogue of interfaces, from the lists that the checker reads. What two
// places only tell together, as which rules fit the type of a field, the checker alone can say.
func CatalogueSchema(w io.Writer) error {
	field := fields(catalogue.NewField("").Fields())
	props := properties(field)
	for _, key := range []string{"min", "max"} {
		props[key].(object)["type"] = []string{"number", "string"}
	}
	props["enum"].(object)["items"] = object{"type": []string{"number", "string"}}

	version := fields(catalogue.NewVersion(1).Settings())
	day := func(text string) object { // a date of TOML is a text to a schema
		return object{"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "description": text}
	}
	properties(version)["from"] = day("the day on which the version takes effect\n生效日期")
	properties(version)["until"] = day("the last day of the version; left out: until the next one takes effect\n最后一日；省略时到下一版本生效为止")
	properties(version)["fields"] = object{"type": "object", "additionalProperties": field}
	version["required"] = []string{"fields"}

	one := fields(catalogue.New("").Fields())
	one["patternProperties"] = object{strings.ReplaceAll(versionKey.String(), "(", "(?:"): version}
	return written(w, named(one), "milkrun catalogue of interfaces")
}
