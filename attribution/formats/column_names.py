"""Which column is what: the names that tools give to a person, a time, a channel, an action and an amount of money.

Names are compared without case, marks and units in brackets ("Amount spent (USD)" is "amount spent"); earlier ones win.
Of the vendors here, the headers of TikTok, LinkedIn, Microsoft Advertising, AppsFlyer, Adjust and Matomo are those their
documentation and public importers name; they could not be checked against a fresh download.
"""

from __future__ import annotations

from collections.abc import Sequence

from cpalab.tables.checked_columns import Column
from cpalab.tables.dialect import plain_name

USER = (
    "user_id", "customer_id", "user_identifier", "stitched_user_id", "domain_userid", "visitor_id", "user", "cookie",
    "cookie_id", "client_id", "user_pseudo_id", "anonymous_id", "visitorid", "idvisitor", "id visitor",
    "appsflyer id", "apps flyer id", "adid",
    "distinct_id", "mpid",
    "amplitude_id", "contact_id", "person_id", "uid", "gps_adid", "device_id", "fullvisitorid", "full_visitor_id",
    "customer email", "email",
)  # fmt: skip
CHANNEL = (
    "channel", "default_channel_group", "channel_name", "media source", "marketing channel", "channel group",
    "channel grouping",
    "source / medium", "source medium", "referrertypename", "referrer_type_name", "referrer type", "network_name",
    "traffic source", "channel_id",
)  # fmt: skip
ORIGIN = {
    "source": (
        "utm_source", "context_campaign_source", "mkt_source", "traffic_source", "session source", "campaign source",
        "source",
    ),
    "medium": ("utm_medium", "context_campaign_medium", "mkt_medium", "session medium", "campaign medium", "medium"),
    "campaign": ("utm_campaign", "context_campaign_name", "mkt_campaign", "session campaign", "campaign", "campaign name"),
}  # fmt: skip
# Addresses of pages and of what linked to them, which name an origin where no column does.
PAGE = ("page_location", "page_url", "url", "context_page_url", "page_urlquery", "landing_page", "landing_page_url",
        "entry_url", "current_url", "$current_url", "page")  # fmt: skip
REFERRER = (
    "page_referrer",
    "referrer",
    "referer",
    "context_page_referrer",
    "referring_url",
    "$referrer",
    "page_referrer_url",
)
ANY_TIME = (
    "time", "timestamp", "event_time", "event_timestamp", "occurred_at", "original_timestamp", "datetime", "date time",
    "created_at", "servertimestamp", "server_timestamp", "event_timestamp_ms", "timestamp_ms", "server_time",
    "received_at", "sent_at", "date", "day", "collector_tstamp", "created",
)  # fmt: skip
TOUCH_TIME = (
    "attributed touch time", "time", "start_tstamp", "visit_start_tstamp", "derived_tstamp", "click_time", "clicked_at",
    "session_start", "visit_time", "visited_at", "touch_time", "first action timestamp", *ANY_TIME,
)  # fmt: skip
CONVERSION_TIME = (
    "time", "cv_tstamp", "conversion_time", "derived_tstamp", "order_date", "order_time", "ordered_at", "purchased_at",
    "purchase_time", "paid at", "conversion_date", "closed_at", "close date", *ANY_TIME,
)  # fmt: skip
ORDER = (
    "order_id", "cv_id", "transaction_id", "tr_orderid", "purchase_id", "conversion_id", "order number", "invoice_id",
    "order",
)  # fmt: skip
# What became of an order; its rows count alike only where none of them came to nothing.
STATUS = (
    "status", "order_status", "payment_status", "financial status", "state", "order state", "stage", "deal status",
)  # fmt: skip
COPY_ID = (
    "event_id", "dedup_id", "dedup_key", "deduplication key", "deduplication id", "insert_id", "message_id", "pixel_event_id",
    "external_event_id", "external_id", "event_uuid", "uuid", "id",
)  # fmt: skip
COPY_SOURCE = (
    "action_source", "event_source", "data_source", "sent_by", "origin system", "event source type", "tracker",
)  # fmt: skip
LINE = (
    "sku", "line_id", "line_item_id", "order_line", "line item", "lineitem name", "lineitem sku", "product_id", "item_id",
    "product", "variant_id",
)  # fmt: skip
VALUE = (
    "value", "revenue", "cv_value", "cv_total_revenue", "tr_total", "order_value", "order_total", "total_price",
    "purchase_revenue",
    "event revenue", "conversion_value", "total", "amount", "event revenue usd", "revenue_float", "order total amount",
)  # fmt: skip
ACTION = (
    "action", "cv_type", "event_name", "event", "event_type", "activity_kind", "conversion_type", "conversion_name",
    "conversion action", "goal", "type", "action_type", "action_name", "event_action", "goal_name", "activity",
    "activity_type", "activity_name", "event_category", "lifecycle_stage", "lifecyclestage", "dealstage",
    "deal stage", "kind",
)  # fmt: skip
CURRENCY = ("currency", "currency_code", "order_currency", "event revenue currency", "account currency")
COST_TIME = (
    "time", "spend_tstamp", "date", "day", "segments.date", "gregorian date", "time period", "by day", "reporting starts",
    "start date",
)  # fmt: skip
PERIOD_END = ("reporting ends", "end date", "period end")
COST_CHANNEL = (
    *CHANNEL, "campaign", "campaign_name", "campaign group name", "ad set name", "ad group", "platform", "network",
)  # fmt: skip
COST = (
    "cost", "spend", "amount spent", "total spent", "spend in account currency",
    "amount", "media cost", "total cost", "ad spend", "ad cost", "costs",
    "spent",
    "kosten", "coste", "coût",
)  # fmt: skip
COST_MICROS = ("cost_micros", "metrics.cost_micros")
CONVERTED = (
    "converted", "conversion", "is_conversion", "has_transaction", "visitconverted", "visit_converted", "conversions",
    "transactions", "goals", "purchases", "goal conversions",
)  # fmt: skip
SESSION_VALUE = ("value", "revenue", "conversion_value", "transaction_revenue")
# Columns whose number says how many, or whether, a row converted; and how many touches it stands for.
COUNTS_OF_CONVERSIONS = (
    "converted", "is_conversion", "conversion", "conversions", "orders", "purchases", "transactions", "goals", "leads",
    "is_purchase", "purchased", "has_converted", "num_orders", "order_count", "conversion_count",
)  # fmt: skip
COUNTS_OF_TOUCHES = ("clicks", "impressions", "visits", "sessions", "touches", "views", "pageviews", "hits")
UNDONE_FLAGS = (
    "test", "is_test", "test_order", "is_test_order", "refunded", "is_refunded", "cancelled", "canceled", "is_cancelled",
    "is_canceled", "returned", "is_returned", "fraud", "is_fraud", "is_bot", "internal", "is_internal", "void", "voided",
    "chargeback", "deleted", "is_deleted", "duplicate", "is_duplicate", "cancelled_at", "canceled_at", "refunded_at",
    "returned_at", "deleted_at", "cancel_date", "refund_date", "cancel reason",
)  # fmt: skip
REFUNDED_AMOUNTS = (
    "refund", "refunds", "refund_amount", "refunded_amount", "amount_refunded", "total_refunded", "returns",
)  # fmt: skip
# RudderStack writes into `channel` where an event was recorded, not where its person came from.
PLATFORMS = frozenset({
    "web", "mobile", "server", "sources", "app", "ios", "android", "desktop", "tablet", "website", "mobile app", "ios app",
    "android app", "mobile web", "desktop web", "web app", "smartphone", "iphone", "ipad",
})  # fmt: skip
VIEWS = {"impression": "view", "impressions": "view", "view-through": "view", "views": "view", "clicks": "click"}

# Of counted paths, of any tool.
PATH_NAMES = (
    "path", "transformed_path", "channel_path", "channel_transformed_path", "conversion path", "default channel group path",
    "default channel grouping path", "mcf channel grouping path", "source / medium path", "primary channel group path",
    "channel group path", "path to conversion", "source path", "medium path", "campaign path", "conversion paths", "paths",
    "channels_agg",
)  # fmt: skip
# One number for each touch of a path: how long before the end of its journey (marketing_attribution_models: hours).
PATH_HOURS = (
    "time_till_conv_agg", "time_till_conv", "hours_to_conversion", "hours_till_conversion", "hours_before_conversion",
)  # fmt: skip
PATH_DAYS = ("days_to_conversion", "days_till_conversion", "days_before_conversion", "days to key event", "age_days")
PATH_CONVERTED = ("converted_agg",)  # whether the one journey of a row converted
# Rows of several of these tell the same conversions again, or conversions of several kinds.
PATH_GRAINS = (
    "path_type", "cv_type", "conversion_type", "path dimension", "dimension", "level", "model", "attribution_model",
    "conversion_name", "conversion action", "key event", "key event name", "event_name", "goal", "goal_name",
    "lookback_window", "lookback", "window", "attribution window",
)  # fmt: skip
PATH_CONVERSIONS = (
    "conversions", "key events", "total conversions", "purchases", "path conversions", "total_conversions",
)  # fmt: skip

TOUCHES = {
    "user_id": Column(USER),
    "time": Column(TOUCH_TIME),
    "channel": Column(CHANNEL, required=False),
    "kind": Column(("kind", "interaction", "touch_type", "attributed touch type", "interaction_type"), required=False),
}
CONVERSIONS = {
    "user_id": Column(USER),
    "time": Column(CONVERSION_TIME),
    "order_id": Column(ORDER, required=False),
    "value": Column(VALUE, required=False),
    "value_micros": Column(("value_micros",), required=False),
    "action": Column(ACTION, required=False),
    "currency": Column(CURRENCY, required=False),
}
COSTS = {
    "channel": Column(COST_CHANNEL),
    "time": Column(COST_TIME, required=False),
    "cost": Column(COST, required=False),
    "cost_micros": Column(COST_MICROS, required=False),
    "currency": Column(CURRENCY, required=False),
}
SESSIONS = {
    "user_id": Column(USER),
    "time": Column(TOUCH_TIME),
    "channel": Column(CHANNEL),
    "converted": Column(CONVERTED),
    "conversion_time": Column(("conversion_time", "converted_at"), required=False),
    "value": Column(SESSION_VALUE, required=False),
}


def columns_named(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    """The columns that bear one of these names, in the order of the names."""
    wanted = {plain_name(name): place for place, name in reversed([*enumerate(names)])}
    held = [(wanted[plain_name(column)], column) for column in columns if plain_name(column) in wanted]
    return [column for _, column in sorted(held, key=lambda pair: pair[0])]


def every_name() -> frozenset[str]:
    """The plain names of all columns that any format of tables reads: what tells a header from a title above it."""
    tables = (TOUCHES, CONVERSIONS, COSTS, SESSIONS)
    names = [name for table in tables for column in table.values() for name in column.names]
    return frozenset(
        map(
            plain_name,
            (
                *names,
                *(name for names in ORIGIN.values() for name in names),
                *LINE,
                *COPY_ID,
                *PATH_NAMES,
                *PATH_CONVERSIONS,
            ),
        )
    )
