package sandbox

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// seedRows is how many rows one statement inserts: enough that the statement's own cost does not show.
const seedRows = 64

// seedTable is a table to create and the rows to fill it with.
type seedTable struct {
	name, ddl, index string
	width, rows      int
	fill             func(row []any, i int)
}

// SeedBusiness creates the tables user_affairs, user_info, suppliers and sms_queue in an SQLite database and fills them with so
// many generated rows; a table that exists already is left as it is. Phones begin with 1990000, id cards with the area 990000, e-mails
// end in example.com. Times are texts yyyy-MM-dd HH:mm:ss in Beijing time: affairs of the last 90 days in the
// order of their ids, users changed in the last 30 days. Every tenth affair has no user_name (NULL).
func SeedBusiness(ctx context.Context, db *sql.DB, affairs, users int) error {
	now := time.Now().In(time.FixedZone("CST", 8*3600))
	for _, t := range []seedTable{affairTable(affairs, users, now), userTable(users, now), supplierTable(), messageTable()} {
		if err := t.seed(ctx, db); err != nil {
			return fmt.Errorf("seeding table %s: %w", t.name, err)
		}
	}
	return nil
}

// messageTable is short messages that somebody waits for.
func messageTable() seedTable {
	return seedTable{
		name: "sms_queue", width: 4, rows: 300,
		ddl: `CREATE TABLE sms_queue (id INTEGER PRIMARY KEY, phone TEXT NOT NULL, name TEXT NOT NULL, serial_no TEXT NOT NULL)`,
		fill: func(row []any, i int) {
			row[0], row[1], row[2], row[3] = i+1, seedPhone(i), seedName(i), fmt.Sprintf("SL2026%06d", i+1)
		},
	}
}

func affairTable(rows, users int, now time.Time) seedTable {
	begin, step := spread(now, 90*24*time.Hour, rows)
	items := strings.Fields("社会保险参保登记 公积金提取 不动产登记 居住证办理 机动车年检 企业设立登记 食品经营许可 医保异地备案 老年优待证 生育登记")
	details := strings.Fields("已提交 已受理 材料补正 审核中 已办结 已领证")
	return seedTable{
		name: "user_affairs", width: 7, rows: rows,
		ddl: `CREATE TABLE user_affairs (id INTEGER PRIMARY KEY, user_id TEXT NOT NULL, user_phone TEXT NOT NULL, user_name TEXT,
			busi_item TEXT NOT NULL, busi_detail TEXT NOT NULL, create_date TEXT NOT NULL)`,
		index: `CREATE INDEX user_affairs_create_date ON user_affairs (create_date, id)`,
		fill: func(row []any, i int) {
			h := mix(uint64(i))
			user := int(h % uint64(max(1, users)))
			item := items[h>>8%uint64(len(items))]
			row[0], row[1], row[2], row[3] = i+1, seedUserID(user), seedPhone(user), seedName(user)
			row[4], row[5] = item, item+": "+details[h>>16%uint64(len(details))]
			row[6] = begin.Add(time.Duration(i) * step).Format(time.DateTime)
			if i%10 == 9 {
				row[3] = nil
			}
		},
	}
}

func userTable(rows int, now time.Time) seedTable {
	begin, step := spread(now, 30*24*time.Hour, rows)
	topics := strings.Fields("社保 公积金 税务 教育 医疗 交通 住房 就业")
	return seedTable{
		name: "user_info", width: 9, rows: rows,
		ddl: `CREATE TABLE user_info (user_id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT NOT NULL, id_card TEXT NOT NULL,
			email TEXT, registered_at TEXT NOT NULL, login_count INTEGER NOT NULL, preferences TEXT, updated_at TEXT NOT NULL)`,
		index: `CREATE INDEX user_info_updated_at ON user_info (updated_at, user_id)`,
		fill: func(row []any, i int) {
			h := mix(uint64(i))
			updated := begin.Add(time.Duration(i) * step)
			registered := updated.Add(-time.Duration(h%1000) * 25 * time.Hour)
			row[0], row[1], row[2], row[3] = seedUserID(i), seedName(i), seedPhone(i), seedIDCard(i)
			row[4] = fmt.Sprintf("user%07d@example.com", i)
			row[5], row[6] = registered.Format(time.DateTime), int(h>>10%500)
			row[7] = topics[h>>20%uint64(len(topics))] + "," + topics[h>>30%uint64(len(topics))]
			row[8] = updated.Format(time.DateTime)
		},
	}
}

// spread divides a time that ends at now among rows.
func spread(now time.Time, over time.Duration, rows int) (begin time.Time, step time.Duration) {
	return now.Add(-over), over / time.Duration(max(1, rows))
}

func seedUserID(i int) string { return fmt.Sprintf("U%09d", i+1) }

func seedPhone(i int) string { return fmt.Sprintf("1990000%04d", i%10000) }

func seedName(i int) string {
	surnames := [...]string{"赵", "钱", "孙", "李", "周", "吴", "郑", "王", "冯", "陈", "褚", "卫", "蒋", "沈", "韩", "杨"}
	given := [...]string{"甲", "乙", "丙", "丁", "戊", "己", "庚", "辛", "壬", "癸", "子", "丑", "寅", "卯", "辰", "巳"}
	h := mix(uint64(i) ^ 0x7573657273)
	name := surnames[h&15] + given[h>>4&15]
	if h>>8&3 > 0 {
		name += given[h>>10&15]
	}
	return name
}

// seedIDCard is a number of 18 digits with a valid check digit (GB 11643) in an area that does not exist.
func seedIDCard(i int) string {
	h := mix(uint64(i) ^ 0x6964)
	s := fmt.Sprintf("990000%04d%02d%02d%03d", 1950+h%55, 1+h>>8%12, 1+h>>16%28, i%1000)
	sum := 0
	for at, w := range [...]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += w * int(s[at]-'0')
	}
	return s + "10X98765432"[sum%11:sum%11+1]
}

// seed creates and fills the table in one transaction, the index last.
func (t *seedTable) seed(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit this does nothing
	var exists bool
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?)`, t.name).Scan(&exists)
	if err != nil || exists {
		return err
	}
	if _, err := tx.ExecContext(ctx, t.ddl); err != nil {
		return err
	}
	if err := t.insert(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, t.index); err != nil {
		return err
	}
	return tx.Commit()
}

func (t *seedTable) insert(ctx context.Context, tx *sql.Tx) error {
	whole := t.rows / seedRows
	if err := t.insertGroups(ctx, tx, 0, whole, seedRows); err != nil {
		return err
	}
	return t.insertGroups(ctx, tx, whole*seedRows, t.rows-whole*seedRows, 1)
}

// insertGroups inserts n groups of size rows, from row number from on.
func (t *seedTable) insertGroups(ctx context.Context, tx *sql.Tx, from, n, size int) error {
	row := "(?" + strings.Repeat(",?", t.width-1) + ")"
	stmt, err := tx.PrepareContext(ctx, "INSERT INTO "+t.name+" VALUES "+row+strings.Repeat(","+row, size-1))
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Close() }()
	args := make([]any, size*t.width)
	for g := range n {
		for i := range size {
			t.fill(args[i*t.width:(i+1)*t.width], from+g*size+i)
		}
		if _, err := stmt.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}
