package sandbox

import (
	"fmt"
	"net/http"
	"time"
)

// sandboxSuppliers is how many enterprises the business database knows, sandboxListed what they are taken from: the list as
// the stand-in usually has it.
const (
	sandboxSuppliers = 40
	sandboxListed    = 1_700_000
)

// enterprise finds one that is in the list now.
func (c *Credit) enterprise(code string) (number int, ok bool) {
	number, ok = c.reg.find(code)
	return number, ok && c.now.Load().holds(c.reg.slot(number))
}

// serveTrading answers getPublicResourcesTrading as the document's sample has it: code and name in the first row only, spaces
// before texts.
func (c *Credit) serveTrading(w http.ResponseWriter, _ *http.Request, p map[string]string) {
	number, ok := c.enterprise(p["uniscId"])
	switch {
	case !ok:
		c.refuse(w, http.StatusOK, "企业不存在")
	case p["licenseID"] != LicenceOf(p["uniscId"]):
		c.refuse(w, http.StatusOK, "企业未授权，或授权已失效（licenseID）")
	default:
		c.succeed(w, "获取企业公共资源交易记录成功", c.trades(number))
	}
}

// Trades are the trading records of an enterprise, none to three, as the stand-in writes them.
func (c *Credit) Trades(code string) []map[string]string {
	if number, ok := c.enterprise(code); ok {
		return c.trades(number)
	}
	return nil
}

func (c *Credit) trades(number int) []map[string]string {
	types := []string{"工程建设", "政府采购", "土地", "矿业", "国有产权实物", "国有产权股权"}
	h := mix(uint64(number) ^ 0x7472616465)
	rows := make([]map[string]string, h%4)
	for i := range rows {
		h = mix(h)
		day := time.Date(2019, 1, 7, 13, 20, 24, 0, time.UTC).Add(time.Duration(h%50_000) * time.Hour)
		rows[i] = map[string]string{
			"type": types[h>>8%uint64(len(types))], "projectName": fmt.Sprintf("测试项目 %d", h>>16%100_000), "ownerOrgName": "测试业主单位",
			"url": " http://ggzy.example/" + fmt.Sprint(h>>24%100_000), "publicizingDay": " " + day.Format(time.DateTime),
			"bidPrice": fmt.Sprintf(" %d.%02d", h>>32%10_000_000, h%100),
		}
	}
	if len(rows) > 0 {
		rows[0]["uniscId"], rows[0]["enterpriseName"] = string(c.reg.appendCode(nil, number)), string(c.reg.appendName(nil, number))
	}
	return rows
}

// supplierTable is enterprises whose grades and trading somebody wants. The platform does not know the last one.
func supplierTable() seedTable {
	reg := newRegistry(sandboxListed, false)
	return seedTable{
		name: "suppliers", width: 3, rows: sandboxSuppliers,
		ddl: `CREATE TABLE suppliers (id INTEGER PRIMARY KEY, uniscId TEXT NOT NULL, name TEXT NOT NULL)`,
		fill: func(row []any, i int) {
			number := i * (sandboxListed / sandboxSuppliers)
			row[0], row[1], row[2] = i+1, string(reg.appendCode(nil, number)), string(reg.appendName(nil, number))
			if i == sandboxSuppliers-1 {
				row[1], row[2] = "911400001100123440", "未登记测试有限公司"
			}
		},
	}
}
