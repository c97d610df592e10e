package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	stand "milkrun/sync/sandbox"
)

// answer is a page as encoding/json reads it.
type answer struct {
	Result int `json:"result"`
	Data   struct {
		CompanyList []struct {
			UniscID        string `json:"uniscId"`
			EnterpriseName string `json:"enterpriseName"`
			AssessGrade    string `json:"assessGrade"`
		} `json:"companyList"`
	} `json:"data"`
}

// loop is the pull as one would first write it: fetch a page, decode it, upsert its rows, commit, next page, until there
// are so many rows. Nothing is checked, tried again or remembered.
func loop(ctx context.Context, url, file string, rows int) (err error) {
	db, err := sql.Open("sqlite3", "file:"+file+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, `CREATE TABLE grades (uniscId TEXT PRIMARY KEY, enterpriseName TEXT, assessGrade TEXT)`)
	for page := 1; err == nil && (page-1)*pageSize < rows; page++ {
		var a *answer
		if a, err = fetch(ctx, url, page); err == nil {
			err = upsert(ctx, db, a)
		}
	}
	if err != nil {
		return err
	}
	return count(ctx, file, "grades", rows)
}

func fetch(ctx context.Context, url string, page int) (*answer, error) {
	s := stand.New(stand.Options{}).Settings()["credit"]
	body := fmt.Sprintf(`{"accessid":%q,"username":%q,"pwd":%q,"pageno":%d,"pagesize":%d}`,
		s["accessid"], s["username"], s["password"], page, pageSize)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/getEnterpriseGrades", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a := new(answer)
	if err := json.NewDecoder(resp.Body).Decode(a); err != nil {
		return nil, err
	}
	if a.Result != 1 {
		return nil, fmt.Errorf("page %d: result %d", page, a.Result)
	}
	return a, nil
}

func upsert(ctx context.Context, db *sql.DB, a *answer) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit this does nothing
	stmt, err := tx.PrepareContext(ctx, `INSERT INTO grades VALUES (?, ?, ?) ON CONFLICT (uniscId)
		DO UPDATE SET enterpriseName = excluded.enterpriseName, assessGrade = excluded.assessGrade`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, c := range a.Data.CompanyList {
		if _, err := stmt.ExecContext(ctx, c.UniscID, c.EnterpriseName, c.AssessGrade); err != nil {
			return err
		}
	}
	return tx.Commit()
}
