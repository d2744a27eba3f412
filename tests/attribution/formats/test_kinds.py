"""Kinds of misreading: each file is read to what it says, or refused with both meanings; nothing is wrong in silence."""

import json

import pytest

from attribution.formats.agreement import money_problems, period_notes
from attribution.formats.event_tables import EventTables
from attribution.formats.ga4 import GA4
from attribution.formats.path_tables import TopPaths
from attribution.formats.registry import KNOWN_COLUMNS, format_lines, read_data
from cpalab.refusal import InvalidInputError
from cpalab.tables.input_table import TextOptions, open_table


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refused(*files, **options):
    with pytest.raises(InvalidInputError) as error:
        read_data(*files, **options)
    return "\n".join(error.value.lines)


TOUCHES = "user_id,time,channel\nu1,2026-03-01 10:00:00,email\nu2,2026-03-01 11:00:00,search\n"
ORDERS = "user_id,time,order_id,value\nu1,2026-03-02 10:00:00,o1,10\nu2,2026-03-02 10:00:00,o2,20\n"


class TestSeparators:
    @pytest.mark.parametrize("mark", [">", " > ", "->", " -> ", "=>", " → ", ">>>", " >> ", " | ", "^", " » ", "  >  "])
    def test_known_ones_cut_paths(self, write, mark):
        rows = [("a", "b", "a"), ("b", "a"), ("a",)]
        text = "path,conversions\n" + "".join(f"{mark.join(names)},{k}\n" for k, names in enumerate(rows, 1))
        assert read_data(write("p.csv", text)).paths.channels == ("a", "b")

    @pytest.mark.parametrize("mark", [", ", ";", " / ", "+", "_", " - ", "::"])
    def test_what_stands_in_names_too_is_refused_where_pieces_trade_places(self, write, mark):
        text = f'path\tconversions\n"x{mark}y"\t1\n"y{mark}x"\t2\nx\t3\n'
        path = write("p.tsv", text)
        assert "could be cut there or be names" in refused(path)
        found = read_data(path, format=TopPaths(separator=mark)).paths
        assert found.channels == ("x", "y")

    def test_names_that_always_stand_so_are_names(self, write):
        text = "path,conversions\ng / cpc > b / cpc,1\nb / cpc,2\nf|paid > g / cpc,1\nf|paid,1\n"
        assert read_data(write("p.csv", text)).paths.channels == ("b / cpc", "f|paid", "g / cpc")

    @pytest.mark.parametrize("text", ["a|b > c\nb|c\nd > e\n", "a>b > c\nd > e\n", "a -> b\nb > c\n", "a | b\nb → a\n"])
    def test_two_that_could_be_meant_are_refused(self, write, text):
        rows = "".join(f"{line},1\n" for line in text.splitlines())
        assert "could be cut there or be names" in refused(write("p.csv", f"path,conversions\n{rows}"))

    @pytest.mark.parametrize(
        "cell", ['"[""a"", ""b""]"', "\"['a', 'b']\"", '"{a,b}"', "(start) > a > b > (conversion)"]
    )
    def test_lists_and_tokens(self, write, cell):
        assert read_data(write("p.csv", f"path,conversions\n{cell},3\n")).paths.channels == ("a", "b")


class TestGrain:
    @pytest.mark.parametrize("column", ["event", "event_name", "event_type", "type", "action", "cv_type"])
    def test_events_of_several_kinds_need_an_action(self, write, column):
        events = f"user_id,time,{column}\nu1,2026-03-02,viewed\nu1,2026-03-03,bought\n"
        data = read_data(write("t.csv", TOUCHES), write("e.csv", events))
        with pytest.raises(InvalidInputError, match="choose one of bought, viewed"):
            data.of_action()
        assert len(data.of_action("bought").conversions) == 1
        assert len(data.of_action("any").conversions) == 2

    @pytest.mark.parametrize("column", ["path_type", "cv_type"])
    def test_paths_of_several_types_are_read_one_at_a_time(self, write, column):
        path = write("p.csv", f"{column},path,conversions\nx,a > b,2\ny,c,2\n")
        assert f"{column}: holds x, y" in refused(path)
        assert read_data(path, format=TopPaths(path_type="x")).paths.total_conversions == 2

    def test_copies_share_an_event_id(self, write):
        rows = "u1,2026-03-02,7,web,5\nu1,2026-03-02,7,server,5\nu2,2026-03-02,,server,5\n"
        text = f"user_id,time,event_id,action_source,value\n{rows}"
        data = read_data(write("t.csv", TOUCHES), write("c.csv", text))
        assert data.to_paths().total_conversions == 1
        assert any("may be copies" in what for what, _ in data.report.left_out)

    def test_lines_of_orders(self, write):
        touches = write("t.csv", TOUCHES)
        lines = "user_id,time,order_id,{}value\nu1,2026-03-02,o1,{}10\nu1,2026-03-02,o1,{}15\n"
        assert (
            read_data(touches, write("a.csv", lines.format("sku,", "x,", "y,"))).to_paths().total_value_micros
            == 25_000_000
        )
        plain = write("b.csv", lines.format("", "", ""))
        assert "lines of one order to be added up, or one order told several times" in refused(touches, plain)
        summed = read_data(touches, plain, format=EventTables(order_rows="sum")).to_paths()
        assert (summed.total_conversions, summed.total_value_micros) == (1, 25_000_000)

    def test_platforms_are_no_channels(self, write):
        tracks = "user_id,timestamp,event,channel\nu1,2026-03-01,page,web\nu1,2026-03-02,order,server\n"
        assert "says where an event was recorded" in refused(write("t.csv", tracks), write("o.csv", ORDERS))


class TestMoney:
    def test_refunds(self, write):
        orders = write("o.csv", ORDERS + "u1,2026-03-05 10:00:00,o1,-10\n")
        touches = write("t.csv", TOUCHES)
        for policy in ("refuse", "drop"):
            assert "'-10' is negative; a refund perhaps" in refused(touches, orders, bad_rows=policy)
        kept, gone = (
            read_data(touches, orders, format=EventTables(refunds=how)).to_paths() for how in ("value", "orders")
        )
        assert (kept.total_conversions, kept.total_value_micros) == (2, 20_000_000)
        assert (gone.total_conversions, gone.total_value_micros) == (1, 20_000_000)

    @pytest.mark.parametrize(
        "text",
        [
            "channel,currency,cost\na,USD,1\nb,CHF,2\n",
            "channel,cost\na,$1.50\nb,€2.50\n",
            "Campaign,Currency code,Cost\na,GBP,1\nb,EUR,1\n",
        ],
    )
    def test_currencies_are_never_summed(self, write, text):
        problems = []
        EventTables().read_costs(open_table(write("c.csv", text), known=KNOWN_COLUMNS), problems)
        assert "never summed" in problems[0]

    @pytest.mark.parametrize(
        ("header", "row"),
        [
            ("Day,Campaign,Cost,Currency code,Clicks", '2026-01-01,Brand,"1,204.50",USD,7'),
            ("Campaign name,Day,Amount spent (USD),Impressions", "Brand,2026-01-01,1204.50,9"),
            ("Gregorian date,Campaign,Spend,Clicks", "1/31/2026,Brand,1204.50,9"),
            ("Campaign name,Cost,Impressions", "Brand,1204.50,9"),
            ("Start Date (in UTC),Campaign Name,Total Spent", "1/31/2026,Brand,1204.50"),
        ],
    )
    def test_reports_of_ad_platforms(self, write, header, row):
        problems = []
        source = open_table(write("report.csv", f"Campaign report\n{header}\n{row}\n"), known=KNOWN_COLUMNS)
        costs, report = EventTables().read_costs(source, problems)
        assert (problems, report.defects) == ([], ())
        assert costs.select(["channel", "cost_micros"]).to_pylist() == [
            {"channel": "Brand", "cost_micros": 1_204_500_000}
        ]


class TestNamesAndClocks:
    @pytest.mark.parametrize("word", ["NA", "NULL", "None", "nan", "n/a"])
    def test_a_word_that_could_be_missing_means_the_same_in_a_cell_and_in_a_path(self, write, word):
        touches, orders = write("t.csv", TOUCHES + f"u2,2026-03-01 12:00:00,{word}\n"), write("o.csv", ORDERS)
        paths = write("p.csv", f"path,conversions\n{word} > email,2\n{word},3\n")
        assert f"'{word}' could be a name or say that there is none" in refused(touches, orders)
        assert "could be a name or say that there is none" in refused(paths)
        named = TextOptions(missing="name")
        assert word in read_data(touches, orders, options=named).to_paths().channels
        assert read_data(paths, options=named).paths.channels == tuple(sorted((word, "email")))
        said = refused(paths, options=TextOptions(missing="empty"))
        assert "write the path without it, or say --missing-words name" in said
        assert "say --missing-words name or --missing-words empty" not in said

    @pytest.mark.parametrize("word", ["(not set)", "undefined", "(data deleted)", "null"])
    def test_words_for_no_order_are_no_order(self, write, word):
        orders = f"user_id,time,order_id,value\nu1,2026-03-02 10:00:00,{word},10\nu1,2026-03-03 10:00:00,{word},20\n"
        assert read_data(write("t.csv", TOUCHES), write("o.csv", orders)).to_paths().total_conversions == 2

    def test_dates_come_at_the_end_of_their_day(self, write):
        orders = "user_id,time,value\nu1,2026-03-01,10\nu2,01.03.2026,20\n"
        data = read_data(write("t.csv", TOUCHES), write("o.csv", orders))
        assert data.to_paths().unattributed_conversions == 0
        assert "each counts at the end of its day" in data.report.summary()

    @pytest.mark.parametrize("offset", ["+00", "+0000", "+00:00", "Z", " UTC"])
    def test_offsets(self, write, offset):
        touches = f"user_id,time,channel\nu1,2026-03-01 10:00:00.123{offset},email\n"
        orders = "user_id,time\nu1,2026-03-01T10:00:01Z\n"
        assert read_data(write("t.csv", touches), write("o.csv", orders)).to_paths().unattributed_conversions == 0


def ga4_line(user, second, name, source=None, medium=None, campaign=None, url=None, **more):
    given = {"source": source, "medium": medium, "campaign": campaign, "page_location": url, "ga_session_id": "1"}
    params = [{"key": key, "value": {"string_value": value}} for key, value in given.items() if value]
    row = {
        "event_timestamp": str(1_772_355_600_000_000 + second * 1_000_000),
        "event_name": name,
        "user_pseudo_id": user,
    }
    return json.dumps(row | {"event_params": params} | more) + "\n"


class TestOriginsOfGA4:
    @pytest.mark.parametrize(
        ("origin", "channel"),
        [
            (("google", "organic", "(organic)", "https://a.example/?gclid=E1"), "Paid Search"),
            ((None, None, None, "https://a.example/?x=1&wbraid=E1"), "Paid Search"),
            ((None, None, None, "https://a.example/?msclkid=E1"), "Paid Search"),
            (("newsletter", "email", "may", "https://a.example/?gclid=E1"), "Email"),
            ((None, None, None, "https://a.example/?fbclid=E1"), "Organic Social"),
            (("(direct)", "(none)", "(direct)", None), "Direct"),
            (("(not set)", "(not set)", "(not set)", None), "Direct"),
            (("climbing.com", "referral", None, None), "Referral"),
        ],
    )
    def test_click_ids_beat_guesses(self, write, origin, channel):
        lines = ga4_line("a", 0, "page_view", *origin) + ga4_line("a", 9, "purchase")
        assert read_data(write("e.jsonl", lines)).to_paths().channels == (channel,)

    def test_other_events_can_be_the_conversion(self, write):
        path = write("e.jsonl", ga4_line("a", 0, "page_view", "google", "cpc") + ga4_line("a", 9, "generate_lead"))
        assert (
            "No event is purchase; --action counts one of generate_lead, page_view" in read_data(path).report.summary()
        )
        for data in (
            read_data(path, action="generate_lead"),
            read_data(path, format=GA4(conversion_events=("generate_lead",))),
        ):
            assert data.to_paths().total_conversions == 1


def test_a_file_that_fits_none_is_told_what_it_lacks(write):
    told = refused(write("x.csv", "who,time,channel,converted\nu,2026-01-01,a,1\n"))
    assert "nearest is sessions, which lacks user_id" in told


def test_formats_are_listed_with_columns_and_an_example():
    told = "\n".join(format_lines())
    for part in (
        "ga4(conversion_events=('purchase',), channel='channel_group')",
        "touches: required user_id, time",
        "example: search",
    ):
        assert part in told


def paths_of(write, *lines):
    return read_data(write("p.csv", "path|conversions\n" + "".join(f"{line}\n" for line in lines)))


class TestPathsOfOtherTools:
    @pytest.mark.parametrize("mark", [",", ", ", ";", "::", " / ", "/"])
    def test_lists_that_never_trade_places_are_refused_too(self, write, mark):
        assert "could be cut there or be names" in refused(
            write("p.csv", f'path|conversions\n"a{mark}b"|3\n"c{mark}b{mark}d"|2\n')
        )

    @pytest.mark.parametrize("token", ["(entrance)", "(start)", "[start]", "start", "Start", "START", "begin"])
    @pytest.mark.parametrize("end", ["(conversion)", "conversion", "Conversion", "(exit)", "Null"])
    def test_starts_and_ends_are_no_channels(self, write, token, end):
        found = paths_of(write, f"{token} > a > b > {end}|3", f"{token} > b > {end}|2")
        assert found.paths.channels == ("a", "b")

    def test_a_channel_called_start_stays_where_not_every_path_has_it(self, write):
        assert "start" in paths_of(write, "start > a|3", "a|2").paths.channels

    def test_words_without_brackets_are_told(self, write):
        assert "start" in "".join(paths_of(write, "start > a|3", "start > b|2").report.notes)

    @pytest.mark.parametrize("cell", ["('a', 'b')", "a &gt; b"])
    def test_tuples_and_escaped_marks_are_paths(self, write, cell):
        assert paths_of(write, f"{cell}|3").paths.channels == ("a", "b")

    @pytest.mark.parametrize(
        "word",
        [
            "Summary",
            "Sum",
            "Итого",
            "Gesamtergebnis",
            "Insgesamt",
            "Overall",
            "TOTAL (2)",
            "Totaal",
            "Account total",
            "Results from 2 paths",
        ],
    )
    def test_totals_by_other_words_are_left_out(self, write, word):
        found = paths_of(write, "a > b|3", "b|2", f"{word}|5")
        assert found.paths.conversions.sum() == 5
        assert ("totals", 1) in found.report.left_out

    def test_a_total_that_is_no_sum_is_refused(self, write):
        assert "could sum up other rows" in refused(write("p.csv", "path,conversions\na,3\nb,2\nSummary,4\n"))


class TestRowsOfOtherGrains:
    @pytest.mark.parametrize(
        "name", ["eventName", "eventType", "action_type", "activity", "goal_name", "Event Action", "lifecycleStage"]
    )
    def test_events_of_several_kinds_are_asked_for(self, write, name):
        text = f"user_id,time,{name}\nu1,2026-03-02 10:00:00,viewed\nu1,2026-03-02 11:00:00,ordered\n"
        files = write("t.csv", TOUCHES), write("e.csv", text)
        try:
            found = read_data(*files)
        except InvalidInputError as error:
            assert "did you mean" in str(error)  # noqa: PT017 - a near name is refused too
        else:
            assert set(found.conversions["action"].to_pylist()) == {"viewed", "ordered"}

    @pytest.mark.parametrize("name", ["status", "order_status", "Payment Status", "state"])
    def test_cancelled_orders_are_an_action_of_their_own(self, write, name):
        text = f"user_id,time,order_id,value,{name}\nu1,2026-03-02 10:00:00,o1,5,completed\n"
        text += "u2,2026-03-02 10:00:00,o2,6,cancelled\n"
        found = read_data(write("t.csv", TOUCHES), write("o.csv", text))
        assert set(found.conversions["action"].to_pylist()) == {"completed", "cancelled"}

    @pytest.mark.parametrize("name", ["eventID", "eventId", "dedup_key", "messageId", "uuid", "pixel_event_id", "id"])
    def test_copies_are_known_by_the_id_of_their_event(self, write, name):
        rows = "u1,2026-03-02 10:00:00,e1,website,5\nu1,2026-03-02 10:00:01,e1,server,5\nu2,2026-03-02 10:00:00,e2,server,6\n"
        files = write("t.csv", TOUCHES), write("o.csv", f"user_id,time,{name},action_source,value\n{rows}")
        assert read_data(*files).of_action().to_paths(keep_journeys=False).conversions.sum() == 2

    def test_a_copy_without_order_id_is_known_by_its_twin(self, write):
        rows = "u1,2026-03-02 10:00:00,o1,e1,5\nu1,2026-03-02 10:00:01,,e1,5\nu2,2026-03-02 10:00:00,o2,e2,6\n"
        files = write("t.csv", TOUCHES), write("o.csv", f"user_id,time,order_id,event_id,value\n{rows}")
        assert read_data(*files).of_action().to_paths(keep_journeys=False).conversions.sum() == 2

    @pytest.mark.parametrize("rows", ["u1,2026-03-02,5\nu1,2026-03-02,5\n", "u1,2026-03-02,5\nu1,2026-03-02,7\n"])
    def test_rows_of_one_person_and_time_are_told(self, write, rows):
        found = read_data(write("t.csv", TOUCHES), write("o.csv", f"user_id,time,value\n{rows}"))
        assert "may be copies or lines" in "".join(found.report.notes)

    def test_one_order_of_two_people_is_told(self, write):
        found = read_data(
            write("t.csv", TOUCHES),
            write("o.csv", "user_id,time,order_id,value\nu1,2026-03-02,o1,5\nu2,2026-03-02,o1,5\n"),
        )
        assert "with several people" in "".join(found.report.notes)

    def test_a_table_of_touches_is_no_table_of_conversions(self, write):
        rows = "cv1,100,a > b,1\ncv1,100,a > b,2\n"
        text = f"cv_id,cv_total_revenue,channel_transformed_path,source_index\n{rows}"
        assert "channel_attributions" in refused(write("c.csv", text))

    @pytest.mark.parametrize(
        "name", ["dimension", "model", "attribution_model", "conversion_name", "level", "Key event"]
    )
    def test_paths_told_in_several_ways_are_asked_for(self, write, name):
        text = f"path,{name},conversions\na > b,x,5\nc > d,y,5\n"
        assert "say which to read (--format \"top_paths(path_type='x')\")" in refused(write("p.csv", text))
        found = read_data(write("p.csv", text), format="top_paths(path_type='x')")
        assert (found.report.left_out, found.paths.total_conversions) == (((f"rows of another {name}", 1),), 5)
        assert "not read" not in "".join(found.report.notes)


def ga4_paid(second, currency, order):
    params = [
        {"key": "ga_session_id", "value": {"int_value": "1"}},
        {"key": "currency", "value": {"string_value": currency}},
    ]
    event = {"event_timestamp": str(1772355600000000 + second), "event_name": "purchase", "user_pseudo_id": "a"}
    return json.dumps(event | {"event_params": params, "ecommerce": {"transaction_id": order, "purchase_revenue": 50}})


class TestPurchasesOfGA4:
    def test_several_currencies_are_never_summed(self, write):
        text = "\n".join([ga4_paid(0, "EUR", "o1"), ga4_paid(1, "JPY", "o2")])
        assert "holds EUR, JPY" in refused(write("e.jsonl", text))
        assert len(read_data(write("f.jsonl", text.replace("JPY", "eur"))).conversions) == 2

    @pytest.mark.parametrize("word", ["(other)", "NaN", "[object Object]", "(not set)", ""])
    def test_words_are_no_order_ids(self, write, word):
        found = read_data(write("e.jsonl", "\n".join(ga4_paid(k, "EUR", word) for k in range(2))))
        assert found.conversions["order_id"].null_count == 2


@pytest.mark.parametrize("word", ["Null", "NONE", "NAN", "(null)", "\\N"])
def test_words_for_no_channel_are_refused_in_any_case(write, word):
    assert "could be a name" in refused(
        write("t.csv", f"{TOUCHES}u1,2026-03-01 10:00:00,{word}\n"), write("o.csv", ORDERS)
    )


def ga4_purchase(second, order=None, value=None, user="a", name="purchase"):
    return ga4_line(user, second, name, ecommerce={"transaction_id": order, "purchase_revenue": value})


class TestOriginsOfGA4ThatOnlyTheAddressNames:
    @pytest.mark.parametrize(
        ("url", "referrer", "channel"),
        [
            ("https://a.example/?utm_source=june%20news&utm_medium=email&utm_campaign=b+c", None, "june news / email"),
            ("https://a.example/?UTM_SOURCE=bing&x=1&utm_medium=cpc", None, "bing / cpc"),
            ("https://a.example/?utm_source=&utm_medium=", None, "direct"),
            ("https://a.example/?GCLID=E1", None, "google / cpc"),
            ("https://a.example/?ScCid=E1", None, "snapchat / paid_social"),
            ("https://a.example/?gad_source=1", None, "google / cpc"),
            ("https://a.example/?gad_source=1&dclid=E1", None, "dv360 / cpm"),
            ("https://a.example/", "https://www.google.co.uk/", "google / organic"),
            ("https://a.example/", "https://blog.other.example/page?x=1", "blog.other.example / referral"),
            ("https://shop.a.example/", "https://www.a.example/start", "direct"),
            ("https://a.co.uk/", "https://b.co.uk/", "b.co.uk / referral"),
            ("https://a.example/?utm_source=x&utm_medium=email", "https://mail.example.org/", "x / email"),
        ],
    )
    def test_is_read(self, write, url, referrer, channel):
        line = json.loads(ga4_line("a", 0, "page_view", url=url))
        line["event_params"].append({"key": "page_referrer", "value": {"string_value": referrer}})
        path = write("e.jsonl", json.dumps(line) + "\n" + ga4_line("a", 9, "purchase"))
        assert read_data(path, format=GA4(channel="source_medium")).touches["channel"].to_pylist() == [channel]

    def test_a_referrer_never_beats_what_a_later_event_collected_nor_counts_within_a_visit(self, write):
        def line(user, second, page, referrer, source=None):
            made = json.loads(ga4_line(user, second, "page_view", source, source and "cpc", url=page))
            made["event_params"].append({"key": "page_referrer", "value": {"string_value": referrer}})
            return json.dumps(made) + "\n"

        google, pay = "https://www.google.com/", "https://pay.example/"
        text = line("a", 0, "https://a.example/", google) + line("a", 1, "https://a.example/", google, "google")
        text += line("b", 0, "https://a.example/", None) + line("b", 9, "https://a.example/paid", pay)
        found = read_data(write("e.jsonl", text), format=GA4(channel="source_medium"))
        assert sorted(found.touches["channel"].to_pylist()) == ["direct", "google / cpc"]

    def test_the_first_source_of_the_user_is_not_read_and_that_is_said(self, write):
        first = {"source": "google", "medium": "cpc", "name": "brand"}
        data = read_data(write("e.jsonl", ga4_line("a", 0, "page_view", traffic_source=first)))
        assert data.touches["channel"].to_pylist() == ["Direct"]
        assert "traffic_source is the user's first touch and is not read" in data.report.summary()


class TestOrdersOfGA4:
    def test_purchases_without_any_value_have_none(self, write):
        data = read_data(write("e.jsonl", ga4_purchase(0, "o1") + ga4_purchase(9, "o2")))
        assert not data.has_value
        some = read_data(write("f.jsonl", ga4_purchase(0, "o1") + ga4_purchase(9, "o2", 5.0)))
        assert some.has_value
        assert "value is empty for 1 of 2 conversions" in some.report.summary()

    @pytest.mark.parametrize("order", ["o1", None])
    def test_one_event_told_twice_counts_once(self, write, order):
        data = read_data(write("e.jsonl", ga4_purchase(0, order, 5.0) * 2 + ga4_purchase(3, "o2", 1.0)))
        assert (len(data.conversions), data.to_paths().total_conversions) == (2, 2)
        assert "1 conversion events are told twice" in data.report.summary()

    @pytest.mark.parametrize("word", ["0", "unknown", "Unknown", "null", "0.0", "(unknown)"])
    def test_words_for_no_order_join_none(self, write, word):
        data = read_data(write("e.jsonl", ga4_purchase(0, word, 5.0) + ga4_purchase(9, word, 7.0)))
        assert data.to_paths().total_value_micros == 12_000_000

    def test_refunds_and_orders_of_two_people_are_told(self, write):
        text = ga4_purchase(0, "o1", 5.0) + ga4_purchase(9, "o1", 5.0, "b") + ga4_purchase(20, "o1", name="refund")
        told = read_data(write("e.jsonl", text)).report.summary()
        assert "1 refund events are not taken off" in told
        assert "1 order ids (o1 …) stand with several people" in told


class TestCosts:
    @pytest.fixture
    def costs(self, write):
        def read(text):
            problems = []
            table, report = EventTables().read_costs(open_table(write("c.csv", text), known=KNOWN_COLUMNS), problems)
            return table, report, "\n".join(problems)

        return read

    @pytest.mark.parametrize(
        ("column", "away", "near"),
        [
            ("month", "2025-11", "2026-03"),
            ("Month", "November 2025", "Mar 2026"),
            ("month", "11/2025", "202603"),
            ("week", "2025-W40", "2026-W09"),
            ("Week", "2025-09-29", "2026-02-23"),
        ],
    )
    def test_months_and_weeks_are_compared_like_days(self, write, costs, column, away, near):
        data = read_data(write("t.csv", TOUCHES), write("o.csv", ORDERS))
        table = costs(f"channel,{column},cost\nemail,{away},5\nsearch,{near},7\n")[0]
        assert "5.00 of 12.00 lie outside" in period_notes(table, data)[0]
        assert period_notes(table.slice(1), data) == ()
        with pytest.raises(InvalidInputError, match="no cost belongs to them"):
            period_notes(table.slice(0, 1), data)

    @pytest.mark.parametrize("column", ["month", "week"])
    def test_a_period_without_a_year_is_told(self, write, costs, column):
        data = read_data(write("t.csv", TOUCHES), write("o.csv", ORDERS))
        assert "not compared" in period_notes(costs(f"channel,{column},cost\nemail,9,5\n")[0], data)[0]

    @pytest.mark.parametrize(
        ("text", "codes"),
        [
            ("channel,cost,currency\na,€5,USD\n", None),
            ("channel,cost,currency\na,£5,$\n", None),
            ("channel,Cost (€),currency\na,5,USD\n", None),
            ("channel,cost,currency\na,€5,EUR\nb,5 EUR,€\n", ["EUR"]),
            ("channel,cost,currency\na,$5,CAD\n", ["CAD"]),
            ("channel,Cost (€)\na,5\n", ["EUR"]),
        ],
    )
    def test_a_sign_and_a_code_agree_or_are_refused(self, costs, text, codes):
        _, report, problems = costs(text)
        assert ("never summed" in problems) == (codes is None)
        assert codes is None or [code for _, code in report.currencies] == codes
        assert not money_problems([("cost", "€"), ("value", "EUR")])
        assert not money_problems([("cost", "$"), ("value", "USD")])
        assert money_problems([("cost", "€"), ("value", "USD")])

    def test_exact_copies_are_told(self, costs):
        assert (
            "1 rows of cost are exact copies"
            in costs("channel,day,cost\na,2026-03-01,5\na,2026-03-01,5\n")[1].summary()
        )
        assert "copies" not in costs("channel,day,cost\na,2026-03-01,5\na,2026-03-02,5\n")[1].summary()

    @pytest.mark.parametrize(
        "text",
        [
            "Campaign,Ad group,Cost\nx,,12\nx,g1,5\nx,g2,7\ny,g3,4\n",
            "Level,Campaign,Cost\nCampaign,x,12\nAd group,x,5\nAd group,x,7\n",
        ],
    )
    def test_campaigns_beside_their_ad_groups_are_refused(self, costs, text):
        assert "keep one level" in costs(text)[2]

    def test_other_rows_without_an_ad_group_are_told(self, costs):
        _, report, problems = costs("Campaign,Ad group,Cost\nx,,3\nx,g1,5\n")
        assert (problems, "some have none" in report.summary()) == ("", True)


@pytest.mark.parametrize("source", ["text", "numbers"])
def test_ten_digits_that_are_an_hour_are_no_seconds(write, source):
    hours = [2026030110, 2026030123]
    touches = {"user_id": ["u", "u"], "time": hours, "channel": ["a", "b"]}
    given = (
        touches if source == "numbers" else write("t.csv", f"user_id,time,channel\nu,{hours[0]},a\nu,{hours[1]},b\n")
    )
    found = read_data(given, write("o.csv", ORDERS)).touches["time"]
    assert list(map(str, found.to_pylist())) == ["2026-03-01 10:00:00", "2026-03-01 23:00:00"]


def test_ten_digits_that_are_no_hour_among_hours_are_refused(write):
    text = "user_id,time,channel\nu,2026030110,a\nu,2026023010,b\nu,2026030124,b\nu,2026030101,b\n"
    assert "'2026023010' is not an hour" in refused(write("t.csv", text), write("o.csv", ORDERS))


@pytest.mark.parametrize("word", ["none", "nil", "n.a.", "-", "?", "N.A.", "--"])
def test_marks_for_no_channel_are_refused(write, word):
    touches = write("t.csv", f"{TOUCHES}u1,2026-03-01 10:00:00,{word}\n")
    assert "could be a name" in refused(touches, write("o.csv", ORDERS))


@pytest.mark.parametrize("nothing", ["", "n/a", "-"])
def test_a_column_of_values_without_any_is_unknown_and_not_zero(write, nothing):
    orders = f"user_id,time,order_id,value\nu1,2026-03-02 10:00:00,o1,{nothing}\nu2,2026-03-02 10:00:00,o2,{nothing}\n"
    sessions = f"user_id,time,channel,converted,value\nu1,2026-03-01,email,1,{nothing}\nu2,2026-03-01,email,0,\n"
    for data in (
        read_data(write("t.csv", TOUCHES), write("o.csv", orders)),
        read_data(write("s.csv", sessions)),
        read_data(write("p.csv", f"path,conversions,value\na > b,3,{nothing}\nb,2,{nothing}\n")),
    ):
        assert not data.has_value
        assert "is empty in every row, so it is unknown, not 0" in data.report.summary()
