package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const oneDay = 24 * time.Hour

// routes lists the interfaces, in the order of the agreement's appendix.
func (c *Coupang) routes() {
	const (
		api    = "/openapi/apis/api/{version}/vendors/{vendor}"
		seller = "/seller_api/apis/api/v1/marketplace"
		market = "/marketplace_openapi/apis/api"
		fms    = "/fms/apis/api/{version}/vendors/{vendor}"
		rocket = "/rg_open_api/apis/api/v1/vendors/{vendor}/rg"
	)
	twice := []string{"v4", "v5"}
	c.route(market+"/{version}/vendor/shipping-place/outbound", []string{"v1", "v2"}, coupangCall.outbound)
	c.route(api+"/returnShippingCenters", twice, coupangCall.returnCenters)
	c.route("/openapi/apis/api/v3/return/shipping-places/center-code", nil, coupangCall.centersByCode)
	c.route(seller+"/meta/display-categories", nil, coupangCall.categories)
	c.route(seller+"/meta/display-categories/{id}/status", nil, coupangCall.categoryStatus)
	c.route(seller+"/meta/category-related-metas/display-category-codes/{id}", nil, coupangCall.categoryMeta)
	c.route(seller+"/seller-products", nil, coupangCall.products)
	c.route(seller+"/seller-products/time-frame", nil, coupangCall.productsByTime)
	c.route(seller+"/seller-products/inflow-status", nil, coupangCall.quota)
	c.route(seller+"/seller-products/{id}", nil, coupangCall.product)
	c.route(seller+"/seller-products/{id}/histories", nil, coupangCall.productHistory)
	c.route(seller+"/vendor-items/{id}/inventories", nil, coupangCall.stock)
	c.route(api+"/ordersheets", twice, coupangCall.orders)
	c.route(api+"/ordersheets/{id}/history", twice, coupangCall.orderHistory)
	c.route(api+"/returnRequests", []string{"v4", "v6"}, coupangCall.returns)
	c.route(api+"/returnWithdrawRequests", []string{"v4"}, coupangCall.withdrawals)
	c.route(api+"/exchangeRequests", []string{"v4"}, coupangCall.exchanges)
	c.route(fms+"/contract/list", []string{"v2"}, coupangCall.contracts)
	c.route(fms+"/budgets", []string{"v1"}, coupangCall.budgets)
	c.route(fms+"/coupons", []string{"v2"}, coupangCall.coupons)
	c.route(fms+"/coupons/{id}/items", []string{"v1"}, coupangCall.couponItems)
	c.route(market+"/v1/coupons/{id}", nil, coupangCall.downloadCoupon)
	c.route(api+"/onlineInquiries", twice, coupangCall.inquiries)
	c.route(api+"/callCenterInquiries", twice, coupangCall.callCenter)
	c.route("/openapi/apis/api/v1/revenue-history", nil, coupangCall.revenue)
	c.route(market+"/v1/settlement-histories", nil, coupangCall.settlements)
	c.route(rocket+"/orders", nil, coupangCall.rocketOrders)
	c.route(rocket+"/inventory/summaries", nil, coupangCall.rocketInventory)
	c.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		c.refused(http.StatusNotFound)
		c.send(w, http.StatusNotFound, jsonMap{"code": "ERROR", "message": "Not Found"})
	})
}

func (q coupangCall) orders() (any, error) {
	if err := q.oneOf("status", "ACCEPT", "INSTRUCT", "DEPARTURE", "DELIVERING", "FINAL_DELIVERY", "NONE_TRACKING"); err != nil {
		return nil, err
	}
	from, to, paged, err := q.created()
	if err != nil {
		return nil, err
	}
	var list []jsonMap
	for _, i := range q.between(from, to) {
		if q.orderStatus(i) == q.query.Get("status") {
			list = append(list, q.order(i))
		}
	}
	return q.page(list, paged, 50, 50)
}

// created reads the window of orders and returns: by the minute with searchType=timeFrame, else by the day, paged.
func (q coupangCall) created() (from, to time.Time, paged bool, err error) {
	if q.query.Get("searchType") == "timeFrame" {
		from, to, err = q.window("createdAtFrom", "createdAtTo", oneDay, "The maximum view duration is 24 hours", "2006-01-02T15:04")
		return from, to, false, err
	}
	from, to, err = q.window("createdAtFrom", "createdAtTo", 31*oneDay, "The maximum view duration is 31 days", time.DateOnly)
	return from, to, true, err
}

func (q coupangCall) page(list []jsonMap, paged bool, usual, most int) (any, error) {
	if !paged {
		return listed(list, ""), nil
	}
	size, err := q.size("maxPerPage", usual, most)
	if err != nil {
		return nil, err
	}
	list, token, err := q.cut(list, "nextToken", size)
	return listed(list, token), err
}

func (q coupangCall) returns() (any, error) {
	from, to, paged, err := q.created()
	if err != nil {
		return nil, err
	}
	cancelled := q.query.Get("cancelType") == "CANCEL"
	status := q.query.Get("status")
	switch {
	case cancelled && status != "":
		return nil, errors.New("status must be null if cancelType is CANCEL")
	case !cancelled && status == "":
		return nil, errors.New("OrderId can't be null, if doesn't pass the parameter status")
	}
	var list []jsonMap
	for _, i := range q.between(from, to) {
		if cancelled && i%11 == 5 || !cancelled && i%7 == 3 && returnStatus(i) == status {
			list = append(list, q.returned(i, cancelled))
		}
	}
	return q.page(list, paged, 50, 50)
}

func (q coupangCall) withdrawals() (any, error) {
	from, to, err := q.window("dateFrom", "dateTo", 7*oneDay, "The maximum view duration is 7 days", time.DateOnly)
	if err != nil {
		return nil, err
	}
	size, err := q.size("sizePerPage", 10, 100)
	if err != nil {
		return nil, err
	}
	var list []jsonMap
	for _, i := range q.between(from, to) {
		if i%35 == 3 {
			list = append(list, jsonMap{"cancelId": 520000000 + i, "orderId": orderID(i), "vendorId": q.opts.VendorID, "refundDeliveryDuty": "COM",
				"createdAt": q.time(q.at(i)), "vendorItemIds": []int64{vendorItem(i)}})
		}
	}
	list, token, err := q.cut(list, "pageIndex", size)
	return jsonMap{"code": "200", "message": "OK", "data": nonNil(list), "nextPageIndex": token}, err
}

func (q coupangCall) exchanges() (any, error) {
	from, to, err := q.window("createdAtFrom", "createdAtTo", 7*oneDay-time.Second, "createdAtTo - createdAtFrom should less then 7day", "2006-01-02T15:04:05")
	if err != nil {
		return nil, err
	}
	if err := q.oneOf("status", "RECEIPT", "PROGRESS", "SUCCESS", "REJECT", "CANCEL"); err != nil {
		return nil, err
	}
	var list []jsonMap
	for _, i := range q.between(from, to) {
		if i%13 == 2 && []string{"RECEIPT", "PROGRESS", "SUCCESS", "REJECT", "CANCEL"}[i/13%5] == q.query.Get("status") {
			list = append(list, q.exchange(i))
		}
	}
	return q.page(list, true, 10, 50)
}

func (q coupangCall) inquiries() (any, error) {
	if err := q.oneOf("answeredType", "ALL", "ANSWERED", "NOANSWER"); err != nil {
		return nil, err
	}
	return q.asked(50, func(i int64) bool { return i%5 == 1 }, q.inquiry)
}

func (q coupangCall) callCenter() (any, error) {
	words := []string{"NONE", "ANSWER", "NO_ANSWER", "TRANSFER"}
	if err := q.oneOf("partnerCounselingStatus", words...); err != nil {
		return nil, err
	}
	return q.asked(30, func(i int64) bool { return i%9 == 4 && words[i/9%4] == q.query.Get("partnerCounselingStatus") }, q.called)
}

// asked is a page of inquiries, which come with orders here.
func (q coupangCall) asked(most int, some func(i int64) bool, make func(i int64) jsonMap) (any, error) {
	if q.query.Get("vendorId") == "" {
		return nil, errors.New("vendorId can't be null")
	}
	from, to, err := q.window("inquiryStartAt", "inquiryEndAt", 7*oneDay, "The maximum view duration is 7 days", time.DateOnly)
	if err != nil {
		return nil, err
	}
	var list []jsonMap
	for _, i := range q.between(from, to) {
		if some(i) {
			list = append(list, make(i))
		}
	}
	list, about, err := q.counted(list, "pageNum", "pageSize", 1, 10, most)
	return jsonMap{"code": 200, "message": "OK", "data": jsonMap{"content": nonNil(list), "pagination": about}}, err
}

func (q coupangCall) revenue() (any, error) {
	if !q.query.Has("token") {
		return nil, errors.New("token can't be null")
	}
	if q.query.Get("vendorId") == "" {
		return nil, errors.New("vendorId can't be null")
	}
	from, to, err := q.window("recognitionDateFrom", "recognitionDateTo", 31*oneDay, "The maximum view duration is 31 days", time.DateOnly)
	if err != nil {
		return nil, err
	}
	size, err := q.size("maxPerPage", 50, 50)
	if err != nil {
		return nil, err
	}
	var list []jsonMap
	for _, i := range q.between(from.AddDate(0, 0, -10), to.AddDate(0, 0, -10)) { // recognised ten days after the order
		list = append(list, q.sale(i))
	}
	list, token, err := q.cut(list, "token", size)
	return jsonMap{"code": 200, "message": "OK", "data": nonNil(list), "hasNext": token != "", "nextToken": token}, err
}

func (q coupangCall) settlements() (any, error) {
	month, err := time.ParseInLocation("2006-01", q.query.Get("revenueRecognitionYearMonth"), kst())
	if err != nil {
		return nil, errors.New("revenueRecognitionYearMonth must be yyyy-MM")
	}
	list := []jsonMap{}
	for week := range 4 {
		from := month.AddDate(0, 0, 7*week)
		if paid := from.AddDate(0, 0, 29); paid.Before(q.opts.Now()) && !from.Before(coupangEpoch()) {
			list = append(list, settlement(month, from, paid, int64(week)))
		}
	}
	return list, nil
}

func (q coupangCall) rocketOrders() (any, error) {
	from, to, err := q.window("paidDateFrom", "paidDateTo", 30*oneDay, "The maximum view duration is 30 days", "20060102")
	if err != nil {
		return nil, err
	}
	var list []jsonMap
	for _, i := range q.between(from, to) {
		if i%3 == 0 {
			list = append(list, jsonMap{"vendorId": q.opts.VendorID, "orderId": orderID(i) + 7_000_000_000_000, "paidAt": strconv.FormatInt(q.at(i).UnixMilli(), 10),
				"orderItems": []jsonMap{{"vendorItemId": vendorItem(i), "productName": product(i), "salesQuantity": 1 + i%2, "unitSalesPrice": price(i), "currency": "KRW"}}})
		}
	}
	list, token, err := q.cut(list, "nextToken", 20)
	return jsonMap{"code": 200, "message": "SUCCESS", "data": nonNil(list), "nextToken": token}, err
}

func (q coupangCall) rocketInventory() (any, error) {
	var list []jsonMap
	for i := range int64(45) {
		list = append(list, jsonMap{"vendorId": q.opts.VendorID, "vendorItemId": vendorItem(i), "externalSkuId": 10012345 + i,
			"inventoryDetails": jsonMap{"totalOrderableQuantity": 10 + i}, "salesCountMap": jsonMap{"SALES_COUNT_LAST_THIRTY_DAYS": 15 + i}})
	}
	list, token, err := q.cut(list, "nextToken", 20)
	return jsonMap{"code": 200, "message": "SUCCESS", "data": list, "nextToken": token}, err
}

func (q coupangCall) orderHistory() (any, error) {
	id, err := strconv.ParseInt(q.id, 10, 64)
	i := id - firstBox
	if err != nil || i < 0 {
		return nil, fmt.Errorf("shipmentBoxId %q is invalid", q.id)
	}
	return listed([]jsonMap{
		{"shipmentBoxId": id, "status": "ACCEPT", "updatedAt": q.time(q.at(i)), "deliveryStatusDesc": "결제완료"},
		{"shipmentBoxId": id, "status": "INSTRUCT", "updatedAt": q.time(q.at(i).Add(time.Hour)), "deliveryStatusDesc": "상품준비중"},
	}, ""), nil
}
