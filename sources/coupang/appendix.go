package coupang

import (
	"slices"
	"time"
)

// streams lists the ten categories.
func streams() []stream {
	return slices.Concat(centres(), categories(), products(), orders(), returns(), promotions(), service(), money(), rocket())
}

func centres() []stream {
	return []stream{
		{
			name: "outbound-centers", category: 1, family: bare, list: "content", key: []string{"outboundShippingPlaceCode"},
			versions: []version{{"v2", marketplace + "v2/vendor/shipping-place/outbound", false}, {"v1", marketplace + "v1/vendor/shipping-place/outbound", false}},
			paging:   numbers(50),
			fields:   "outboundShippingPlaceCode:i,shippingPlaceName,createDate,usable:b,remoteInfos:j,placeAddresses!j",
		},
		{
			name: "return-centers", category: 1, list: "data.content", key: []string{"returnCenterCode"},
			versions: since2025("v5", "v4", "returnShippingCenters"), paging: numbers(50),
			fields: "returnCenterCode,shippingPlaceName,deliverCode,deliverName,goodsflowStatus,errorMessage,createdAt:ts,usable:b,placeAddresses!j," +
				returnFees,
		},
		{
			name: "return-centers-by-code", category: 1, list: "data", key: []string{"returnCenterCode"},
			versions: []version{{"v3", openapi + "v3/return/shipping-places/center-code", false}}, params: []param{{"returnCenterCodes", "{id}"}},
			id: "returnCenterCode", of: "return-centers", from: "returnCenterCode",
			fields: "returnCenterCode,shippingPlaceName,deliverCode,deliverName,goodsflowStatus,errorMessage,createdAt:ts,usable:b,placeAddresses!j," +
				returnFees,
		},
	}
}

// returnFees are what a return costs by its weight, in cash and on credit.
const returnFees = "vendorCreditFee02kg:m,vendorCreditFee05kg:m,vendorCreditFee10kg:m,vendorCreditFee15kg:m,vendorCreditFee20kg:m," +
	"vendorCashFee02kg:m,vendorCashFee05kg:m,vendorCashFee10kg:m,vendorCashFee15kg:m,vendorCashFee20kg:m," +
	"consumerCashFee02kg:m,consumerCashFee05kg:m,consumerCashFee10kg:m,consumerCashFee15kg:m,consumerCashFee20kg:m"

func categories() []stream {
	return []stream{
		{
			name: "categories", category: 2, list: "data", tree: "child", key: []string{"displayItemCategoryCode"},
			versions: one(sellerAPI + "meta/display-categories"),
			fields:   "displayItemCategoryCode:i,name,status,parentCode:i",
		},
		{
			name: "category-status", category: 2, list: "data", key: []string{"displayCategoryCode"},
			versions: one(sellerAPI + "meta/display-categories/{id}/status"), id: "displayCategoryCode", of: "categories", from: "displayItemCategoryCode",
			fields: "displayCategoryCode:i,value:b",
		},
		{
			name: "category-metas", category: 2, list: "data", key: []string{"displayCategoryCode"},
			versions: one(sellerAPI + "meta/category-related-metas/display-category-codes/{id}"),
			id:       "displayCategoryCode", of: "categories", from: "displayItemCategoryCode",
			fields: "displayCategoryCode:i,isAllowSingleItem:b,attributes:j,noticeCategories:j,requiredDocumentNames:j,certifications:j,allowedOfferConditions:j",
		},
	}
}

const productFields = "sellerProductId:i,sellerProductName,displayCategoryCode:i,categoryId:i,productId:i,vendorId,mdId,saleStartedAt:ts,saleEndedAt:ts," +
	"brand,statusName,createdAt:ts"

func products() []stream {
	const at = sellerAPI + "seller-products"
	vendor := []param{{"vendorId", "{v}"}}
	return []stream{
		{
			name: "products", category: 3, list: "data", key: []string{"sellerProductId"}, versions: one(at), params: vendor,
			paging: tokens(100), fields: productFields,
		},
		{
			name: "products-by-time", category: 3, list: "data", key: []string{"sellerProductId"}, versions: one(at + "/time-frame"), params: vendor,
			window: created(seconds, 10*time.Minute), fields: productFields,
		},
		{
			name: "product-details", category: 3, list: "data", key: []string{"sellerProductId"}, versions: one(at + "/{id}"),
			id: "sellerProductId", of: "products", from: "sellerProductId", items: "items", parts: productItems, itemKey: []string{"items_sellerProductItemId"},
			fields: "sellerProductId:i,sellerProductName,displayCategoryCode:i,categoryId:i,productId:i,vendorId,status,statusName,saleStartedAt:ts,saleEndedAt:ts," +
				"displayProductName,brand,generalProductName,productGroup,deliveryMethod,deliveryCompanyCode,deliveryChargeType,deliveryCharge:m," +
				"freeShipOverAmount:m,deliveryChargeOnReturn:m,remoteAreaDeliverable,unionDeliveryType,returnCenterCode,returnCharge:m," +
				"outboundShippingPlaceCode:i,requested:b,manufacture,contributorType,items:j,requiredDocuments:j," +
				"companyContactNumber!phone,returnChargeName!name,returnZipCode!text,returnAddress!address,returnAddressDetail!text,vendorUserId!text",
		},
		{
			name: "product-histories", category: 3, list: "data", key: []string{"sellerProductId", "createdAt", "status"}, versions: one(at + "/{id}/histories"),
			id: "sellerProductId", of: "products", from: "sellerProductId", paging: tokens(100),
			fields: "sellerProductId:i,createdAt:ts,status,statusName,comment,createdBy!text",
		},
		{
			name: "inventories", category: 3, list: "data", key: []string{"vendorItemId"}, versions: one(sellerAPI + "vendor-items/{id}/inventories"),
			id: "vendorItemId", of: "product-details", from: "items.vendorItemId",
			fields: "vendorItemId:i,sellerItemId:i,amountInStock:i,salePrice:m,onSale:b",
		},
		{
			name: "product-quota", category: 3, list: "data", key: []string{"vendorId"}, versions: one(at + "/inflow-status"),
			fields: "vendorId,restricted:b,registeredCount:i,permittedCount:i",
		},
	}
}

const orderFields = "shipmentBoxId:i,orderId:i,orderedAt:ts,paidAt:ts,status,shippingPrice:m,remotePrice:m,remoteArea:b,splitShipping:b,ableSplitShipping:b," +
	"deliveryCompanyName,invoiceNumber,inTrasitDateTime:ts,deliveredDate:ts,refer,shipmentType,isCod:b,orderItems:j,extraProperties!j," +
	"orderer.name!name,orderer.email!email,orderer.safeNumber!phone,orderer.ordererNumber!phone," +
	"receiver.name!name,receiver.safeNumber!phone,receiver.receiverNumber!phone,receiver.addr1!address,receiver.addr2!text,receiver.postCode!text," +
	"parcelPrintMessage!text,overseaShippingInfoDto.personalCustomsClearanceCode!text,overseaShippingInfoDto.ordererSsn!text," +
	"overseaShippingInfoDto.ordererPhoneNumber!phone"

func orders() []stream {
	key, item := []string{"shipmentBoxId"}, []string{"orderItems_vendorItemId"}
	at := since2025("v5", "v4", "ordersheets")
	return []stream{
		{
			name: "orders", category: 4, list: "data", key: key, versions: at, sweeps: orderStatuses(), paging: tokens(50),
			window: created(days, 31*day), fields: orderFields, items: "orderItems", parts: orderItems, itemKey: item, sweepDay: 14,
		},
		{
			name: "orders-by-minute", category: 4, list: "data", key: key, versions: at, sweeps: orderStatuses(), params: []param{{"searchType", "timeFrame"}},
			window: created(minutes, day), fields: orderFields, items: "orderItems", parts: orderItems, itemKey: item, sweepDay: 1,
		},
		{
			name: "order-histories", category: 4, list: "data", key: []string{"shipmentBoxId", "updatedAt", "status"},
			versions: []version{{"v5", openapi + "v5/vendors/{v}/ordersheets/{id}/history", true}, {"v4", openapi + "v4/vendors/{v}/ordersheets/{id}/history", false}},
			id:       "shipmentBoxId", of: "orders", from: "shipmentBoxId",
			fields: "shipmentBoxId:i,updatedAt:ts,status,deliveryStatus,deliveryStatusDesc,details:j",
		},
	}
}

const returnFields = "receiptId:i,orderId:i,paymentId:i,receiptType,receiptStatus,createdAt:ts,modifiedAt:ts,cancelReasonCategory1,cancelReasonCategory2," +
	"cancelCountSum:i,returnDeliveryId:i,returnDeliveryType,releaseStopStatus,enclosePrice:m,faultByType,preRefund:b,completeConfirmType," +
	"completeConfirmDate:ts,reasonCode,reasonCodeText,returnShippingCharge:m,returnItems:j,returnDeliveryDtos:j," +
	"requesterName!name,requesterPhoneNumber!phone,requesterRealPhoneNumber!phone,requesterAddress!address,requesterAddressDetail!text," +
	"requesterZipCode!text,cancelReason!text"

func returns() []stream {
	at := since2025("v6", "v4", "returnRequests")
	key, item := []string{"receiptId"}, []string{"returnItems_vendorItemId"}
	return []stream{
		{
			name: "returns", category: 5, list: "data", key: key, versions: at, sweeps: returnSweeps(), paging: tokens(50),
			window: created(days, 31*day), fields: returnFields, items: "returnItems", parts: returnItems, itemKey: item, sweepDay: 14,
		},
		{
			name: "returns-by-minute", category: 5, list: "data", key: key, versions: at, sweeps: returnSweeps(), params: []param{{"searchType", "timeFrame"}},
			window: created(minutes, day), fields: returnFields, items: "returnItems", parts: returnItems, itemKey: item, sweepDay: 1,
		},
		{
			name: "withdrawals", category: 5, list: "data", key: []string{"cancelId"},
			versions: []version{{"v4", openapi + "v4/vendors/{v}/returnWithdrawRequests", false}},
			paging:   paging{kind: byToken, token: "pageIndex", size: "sizePerPage", most: 100}, window: window{days, 7 * day, "dateFrom", "dateTo"}, sweepDay: 3,
			fields: "cancelId:i,orderId:i,vendorId,refundDeliveryDuty,createdAt:ts,vendorItemIds:j",
		},
		{
			name: "exchanges", category: 6, list: "data", key: []string{"exchangeId"}, sweepDay: 14,
			versions: []version{{"v4", openapi + "v4/vendors/{v}/exchangeRequests", false}},
			sweeps:   statuses("status", "RECEIPT", "PROGRESS", "SUCCESS", "REJECT", "CANCEL"), paging: tokens(50), window: created(seconds, 7*day-time.Minute),
			items: "exchangeItemDtoV1s", parts: exchangeItems, itemKey: []string{"exchangeItemDtoV1s_exchangeItemId"},
			fields: "exchangeId:i,orderId:i,vendorId,orderDeliveryStatusCode,exchangeStatus,referType,faultType,exchangeAmount:m,reasonCode,reasonCodeText," +
				"createdByType,createdAt:ts,modifiedByType,modifiedAt:ts,deliveryStatus,collectStatus,collectCompleteDate:ts,exchangeItemDtoV1s:j," +
				"deliveryInvoiceGroupDtos:j,collectInformationsDto:j,returnDeliveryDtos:j,reason!text,reasonEtcDetail!text,cancelReason!text," +
				"exchangeAddressDtoV1!j",
		},
	}
}

func promotions() []stream {
	page := func(first int) paging {
		return paging{kind: byNumber, token: "page", size: "size", most: 100, first: first} // C8
	}
	live := statuses("status", "STANDBY", "APPLIED", "PAUSED", "EXPIRED", "DETACHED")
	return []stream{
		{
			name: "contracts", category: 7, family: coupons, list: "data.content", key: []string{"contractId"},
			versions: []version{{"v2", fms + "v2/vendors/{v}/contract/list", false}},
			fields: "contractId:i,vendorContractId:i,sellerId,sellerShareRatio:d,coupangShareRatio:d,gmvRatio:d,start:ts,end:ts,type,useBudget:b," +
				"modifiedAt:ts,modifiedBy!text",
		},
		{
			name: "budgets", category: 7, family: coupons, list: "data.content", key: []string{"contractId", "targetMonth"}, sweepDay: 35,
			versions: []version{{"v1", fms + "v1/vendors/{v}/budgets", false}}, params: []param{{"contractId", "-1"}},
			paging: page(1), window: window{months, 31 * day, "targetMonth", ""},
			fields: "contractId:i,targetMonth,vendorShareRatio:d,totalBudgetAmount:m,usedBudgetAmount:m",
		},
		{
			name: "coupons", category: 7, family: coupons, list: "data.content", key: []string{"couponId"},
			versions: []version{{"v2", fms + "v2/vendors/{v}/coupons", false}}, params: []param{{"sort", "desc"}}, sweeps: live, paging: page(1),
			fields: "couponId:i,contractId:i,vendorContractId:i,promotionName,type,status,startAt:ts,endAt:ts,discount:d,maxDiscountPrice:m,wowExclusive:b",
		},
		{
			name: "coupon-items", category: 7, family: coupons, list: "data.content", key: []string{"couponItemId"},
			versions: []version{{"v1", fms + "v1/vendors/{v}/coupons/{id}/items", false}}, sweeps: live, paging: page(0),
			id: "couponId", of: "coupons", from: "couponId",
			fields: "couponItemId:i,couponId:i,vendorItemId:i,status,startAt:ts,endAt:ts",
		},
		{
			name: "download-coupons", category: 7, family: bare, list: "", key: []string{"couponId"},
			versions: []version{{"v1", marketplace + "v1/coupons/{id}", false}}, id: "couponId",
			fields: "couponId:i,title,couponType,couponStatus,publishedDate:ts,startDate:ts,endDate:ts,appliedOptionCount:i,usageAmount:m," +
				"lastModifiedDate:ts,lastModifierId!text",
		},
	}
}

func service() []stream {
	asked := window{days, 7 * day, "inquiryStartAt", "inquiryEndAt"}
	vendor := param{"vendorId", "{v}"}
	return []stream{
		{
			name: "inquiries", category: 8, list: "data.content", key: []string{"inquiryId"}, versions: since2025("v5", "v4", "onlineInquiries"),
			params: []param{vendor, {"answeredType", "ALL"}}, paging: numbers(50), window: asked, sweepDay: 7,
			fields: "inquiryId:i,productId:i,sellerProductId:i,sellerItemId:i,vendorItemId:i,inquiryAt:ts,orderIds:j," +
				"content!text,buyerEmail!email,commentDtoList!j",
		},
		{
			name: "call-center-inquiries", category: 8, list: "data.content", key: []string{"inquiryId"}, versions: since2025("v5", "v4", "callCenterInquiries"),
			params: []param{vendor}, sweeps: statuses("partnerCounselingStatus", "NONE", "ANSWER", "NO_ANSWER", "TRANSFER"),
			paging: numbers(30), window: asked, sweepDay: 7,
			fields: "inquiryId:i,inquiryStatus,csPartnerCounselingStatus,receiptCategory,orderId:i,vendorItemId:j,itemName,saleStartedAt:ts,orderDate:ts," +
				"inquiryAt:ts,answeredAt:ts,content!text,buyerPhone!phone,replies!j",
		},
	}
}

func money() []stream {
	return []stream{
		{
			name: "revenue", category: 9, list: "data", key: []string{"orderId", "saleType", "recognitionDate"}, sweepDay: 7,
			versions: one(openapi + "v1/revenue-history"), params: []param{{"vendorId", "{v}"}},
			paging: paging{kind: byToken, token: "token", size: "maxPerPage", most: 50}, window: window{days, 31 * day, "recognitionDateFrom", "recognitionDateTo"},
			items: "items", parts: saleItems, itemKey: []string{"items_vendorItemId"}, rows: true,
			fields: "orderId:i,saleType,saleDate,recognitionDate,settlementDate,finalSettlementDate,deliveryFee:j,items:j",
		},
		{
			name: "settlements", category: 9, family: bare, list: "", sweepDay: 93,
			key:      []string{"settlementType", "settlementDate", "revenueRecognitionDateFrom", "revenueRecognitionDateTo"},
			versions: one(marketplace + "v1/settlement-histories"), window: window{months, 31 * day, "revenueRecognitionYearMonth", ""},
			fields: "settlementType,settlementDate,revenueRecognitionYearMonth,revenueRecognitionDateFrom,revenueRecognitionDateTo,totalSale:m,serviceFee:m," +
				"settlementTargetAmount:m,settlementAmount:m,lastAmount:m,pendingReleasedAmount:m,sellerDiscountCoupon:m,downloadableCoupon:m," +
				"sellerServiceFee:m,courantyFee:m,courantyCustomerReward:m,deductionAmount:m,debtOfLastWeek:m,finalAmount:m,status",
		},
	}
}

func rocket() []stream {
	return []stream{
		{
			name: "rg-orders", category: 10, list: "data", key: []string{"orderId"}, versions: one(rocketAPI + "orders"), sweepDay: 2,
			paging: paging{kind: byToken, token: "nextToken"}, window: window{compactDays, 29 * day, "paidDateFrom", "paidDateTo"}, // 30 dates
			items: "orderItems", parts: rocketItems, itemKey: []string{"orderItems_vendorItemId"},
			fields: "orderId:i,vendorId,paidAt:ts,orderItems:j",
		},
		{
			name: "rg-inventory", category: 10, list: "data", key: []string{"vendorItemId"}, versions: one(rocketAPI + "inventory/summaries"),
			paging: paging{kind: byToken, token: "nextToken"},
			fields: "vendorItemId:i,vendorId,externalSkuId:i,inventoryDetails.totalOrderableQuantity:i,salesCountMap:j",
		},
	}
}

// The fields of an order's, a return's, an exchange's, a product's and a sale's items.
const (
	orderItems = "vendorItemId:i,vendorItemPackageId:i,vendorItemPackageName,productId:i,vendorItemName,shippingCount:i,cancelCount:i,holdCountForCancel:i," +
		"salesPrice:m,orderPrice:m,discountPrice:m,instantCouponDiscount:m,downloadableCouponDiscount:m,coupangDiscount:m,externalVendorSkuCode," +
		"sellerProductId:i,sellerProductName,sellerProductItemName,firstSellerProductItemName,canceled:b,estimatedShippingDate," +
		"plannedShippingDate,invoiceNumberUploadDate:ts"
	returnItems = "vendorItemId:i,vendorItemPackageId:i,vendorItemPackageName,vendorItemName,purchaseCount:i,cancelCount:i,shipmentBoxId:i,sellerProductId:i," +
		"sellerProductName,cancelCompleteUser!text,releaseStatus"
	exchangeItems = "exchangeItemId:i,orderItemId:i,orderItemUnitPrice:m,orderItemName,orderPackageId:i,orderPackageName,targetItemId:i,targetItemUnitPrice:m," +
		"targetItemName,targetPackageId:i,targetPackageName,quantity:i,orderItemDeliveryComplete:b,orderItemReturnComplete:b," +
		"targetItemDeliveryComplete:b,createdAt:ts,modifiedAt:ts,originalShipmentBoxId:i"
	productItems = "sellerProductItemId:i,vendorItemId:i,itemId:i,itemName,originalPrice:m,salePrice:m,maximumBuyCount:i,outboundShippingTimeDay:i,unitCount:i," +
		"externalVendorSku,barcode,saleAgentCommission:d"
	saleItems = "vendorItemId:i,productId:i,productName,vendorItemName,taxType,salePrice:m,quantity:i,coupangDiscountCoupon:m,saleAmount:m," +
		"sellerDiscountCoupon:m,downloadableCoupon:m,serviceFee:m,serviceFeeVat:m,serviceFeeRatio:d,settlementAmount:m,courantyFeeRatio:d," +
		"courantyFee:m,courantyFeeVat:m,storeFeeDiscountVat:m,storeFeeDiscount:m,externalSellerSkuCode"
	rocketItems = "vendorItemId:i,productName,salesQuantity:i,salesPrice:m,currency"
)
