"""Files that read well and would mean something else: each is refused with what it could be, or told in a sentence."""

import json

import pytest

from attribution.formats.agreement import money_problems, order_notes, period_notes, spelt_alike
from attribution.formats.event_tables import EventTables
from attribution.formats.identities import people_notes
from attribution.formats.registry import KNOWN_COLUMNS, read_data
from cpalab.ga4_channels import is_direct_name
from cpalab.refusal import InvalidInputError
from cpalab.tables.exchange import Exchange
from cpalab.tables.input_table import TextOptions, open_table

TOUCHES = "user_id,time,channel\nu1,2026-03-01 10:00:00,email\nu2,2026-03-01 11:00:00,search\n"
ORDERS = "user_id,time,order_id,value\nu1,2026-03-02 10:00:00,o1,10\nu2,2026-03-02 10:00:00,o2,20\n"


@pytest.fixture
def files(tmp_path):
    def files(*texts, ending="csv"):
        paths = []
        for number, text in enumerate(texts):
            paths.append(tmp_path / f"t{number}.{ending}")
            paths[-1].write_text(text, encoding="utf-8")
        return paths

    return files


def refused(*paths, **options):
    with pytest.raises(InvalidInputError) as error:
        read_data(*paths, **options)
    return "\n".join(error.value.lines)


def costs_of(path, options=None):
    problems: list[str] = []
    source = open_table(path, known=KNOWN_COLUMNS, options=options)
    table, report = EventTables().read_costs(source, problems)
    return table, report, problems


class TestPaths:
    @pytest.mark.parametrize("mark", [" ⟶ ", "▸", " ＞ ", " ➡ ", " • "])
    def test_arrows_of_every_kind_cut(self, files, mark):
        (path,) = files(f"path,conversions\na{mark}b,3\nb{mark}a,2\nb,1\n")
        assert read_data(path).paths.channels == ("a", "b")

    @pytest.mark.parametrize("mark", [" ● ", " ⊳ ", " @@ ", "※", " "])
    def test_any_other_sign_between_names_that_trade_places_is_refused(self, files, mark):
        (path,) = files(f"path,conversions\na{mark}b,3\nb{mark}a,2\nb,1\n")
        assert "could be cut there or be names" in refused(path)

    def test_blanks_within_names_are_none(self, files):
        (path,) = files("path,conversions\nPaid Search,3\nPaid Social,2\nOrganic Search,1\n")
        assert len(read_data(path).paths.channels) == 3

    @pytest.mark.parametrize("header", ["conversions", "total_conversions"])
    def test_the_header_of_another_tool_changes_no_rule(self, files, header):
        (path,) = files(f"path,{header}\na → b,3\nb → a,2\n")
        assert read_data(path).paths.channels == ("a", "b")

    @pytest.mark.parametrize("name", ["a x2", "a × 2", "a (2)", "a (x2)"])
    def test_a_name_with_a_number_of_times_is_refused_beside_the_plain_name(self, files, name):
        (path,) = files(f"path,conversions\n{name} > b,3\na,2\n")
        assert "2 times in a row or a name" in refused(path)
        from attribution.formats.path_tables import TopPaths

        assert name in read_data(path, format=TopPaths(separator=">")).paths.channels

    @pytest.mark.parametrize("whole", ["all", "All Users", "(total)"])
    def test_a_segment_that_sums_up_the_others_is_refused(self, files, whole):
        (path,) = files(f"path,conversions,segment\na > b,3,new\na > b,2,old\na > b,5,{whole}\n")
        assert "could sum up" in refused(path)

    def test_paths_added_up_over_an_unread_column_are_told(self, files):
        (path,) = files("path,conversions,month\na > b,3,2026-01\na > b,2,2026-02\n")
        assert any("added up over month" in note for note in read_data(path).report.notes)


class TestRows:
    @pytest.mark.parametrize("column", ["name", "funnel_step", "what_happened"])
    def test_a_column_of_events_is_an_action_whatever_it_is_called(self, files, column):
        rows = f"user_id,time,{column}\nu1,2026-03-02,product_view\nu1,2026-03-03,purchase\n"
        with pytest.raises(InvalidInputError, match="choose one of product_view, purchase"):
            read_data(*files(TOUCHES, rows)).of_action()

    @pytest.mark.parametrize("column", ["conversions", "orders", "purchases"])
    def test_rows_that_count_several_conversions_are_refused(self, files, column):
        rows = f"user_id,time,{column}\nu1,2026-03-02,3\nu2,2026-03-03,1\n"
        assert "counts up to 3" in refused(*files(TOUCHES, rows))

    @pytest.mark.parametrize(("column", "no"), [("is_conversion", "0"), ("converted", "false"), ("orders", "0")])
    def test_rows_that_say_they_did_not_convert_are_left_out(self, files, column, no):
        rows = f"user_id,time,{column}\nu1,2026-03-02,{no}\nu2,2026-03-03,{'true' if no == 'false' else 1}\n"
        found = read_data(*files(TOUCHES, rows))
        assert len(found.conversions) == 1

    @pytest.mark.parametrize("column", ["test", "refunded", "is_cancelled"])
    def test_undone_orders_are_told(self, files, column):
        rows = f"user_id,time,order_id,{column}\nu1,2026-03-02,o1,true\nu2,2026-03-03,o2,false\n"
        notes = read_data(*files(TOUCHES, rows)).report.notes
        assert any("says so of 1 of 2 conversions" in note for note in notes)

    def test_refunded_amounts_and_prices_of_articles_are_told(self, files):
        rows = "user_id,time,order_id,unit_price,refund_amount\nu1,2026-03-02,o1,10,10\nu2,2026-03-03,o2,5,0\n"
        notes = "\n".join(read_data(*files(TOUCHES, rows)).report.notes)
        assert "10.00 are not taken off" in notes
        assert "unit_price could be a value" in notes

    @pytest.mark.parametrize("words", [("desktop", "mobile"), ("iOS app", "Web")])
    def test_devices_are_no_channels(self, files, words):
        touches = f"user_id,time,channel\nu1,2026-03-01 10:00:00,{words[0]}\nu2,2026-03-01 11:00:00,{words[1]}\n"
        assert "has no channel" in refused(*files(touches, ORDERS))

    def test_places_of_sale_and_rows_of_several_clicks_are_told(self, files):
        touches = "user_id,time,channel,clicks\nu1,2026-03-01,store,0\nu2,2026-03-01,online,4\n"
        notes = "\n".join(read_data(*files(touches, ORDERS)).report.notes)
        assert "where people bought" in notes
        assert "0 to 4 per row" in notes

    def test_impressions_are_views_whatever_their_column_is_called(self, files):
        touches = "user_id,time,channel,event\nu1,2026-03-01,a,impression\nu2,2026-03-01,b,click\n"
        assert read_data(*files(touches, ORDERS)).touches["kind"].to_pylist() == ["view", "click"]

    def test_a_file_without_a_header_says_so(self, files):
        assert "put a header above it" in refused(*files("a > b,3\nb,2\n"))

    def test_one_table_of_page_views_is_not_its_own_conversions(self, files):
        rows = "distinct_id,event,time,utm_source\nu1,Page,2026-03-01 10:00:00,google\n"
        assert "cannot be both touches and conversions" in refused(*files(rows))

    def test_a_table_of_touches_and_conversions_counts_its_rows_once(self, files):
        rows = "user_id,event,time,channel,order_id\nu1,view,2026-03-01,a,\nu1,buy,2026-03-02,a,o1\n"
        assert read_data(*files(rows)).report.rows == 2


class TestPeople:
    @pytest.mark.parametrize("cut", ["1.00000001234E+11", "1.23457E+11"])
    def test_ids_that_a_spreadsheet_shortened_are_refused(self, files, cut):
        touches = f"user_id,time,channel\n{cut},2026-03-01 10:00:00,a\nx,2026-03-01 10:00:00,b\n"
        assert "spreadsheets shorten it" in refused(*files(touches, ORDERS))

    @pytest.mark.parametrize("word", ["guest", "Anonymous", "unknown"])
    def test_a_word_for_nobody_is_no_person(self, files, word):
        orders = f"user_id,time,order_id\n{word},2026-03-02,o1\n{word},2026-03-03,o2\nu1,2026-03-03,o3\n"
        found = read_data(*files(TOUCHES, orders))
        assert len(set(found.conversions["user_id"].to_pylist())) == 3

    @pytest.mark.parametrize("affix", ["GA-{}", "{}@shop.example", "cust:{}"])
    def test_some_ids_with_a_prefix_or_ending_are_told(self, files, affix):
        touches = "user_id,time,channel\n" + "".join(
            f"{affix.format(f'u{k}') if k < 4 else f'u{k}'},2026-03-01 10:00:00,a\n" for k in range(6)
        )
        orders = "user_id,time,order_id\n" + "".join(f"u{k},2026-03-02,o{k}\n" for k in range(6))
        found = read_data(*files(touches, orders))
        (note,) = people_notes(found.touches, found.conversions)
        assert "4 of 6 people" in note
        assert affix.format("") in note

    def test_ids_of_two_systems_share_nothing_by_chance(self, files):
        touches = "user_id,time,channel\n" + "".join(f"a{k}f{k}c,2026-03-01 10:00:00,a\n" for k in range(30))
        orders = "user_id,time,order_id\n" + "".join(f"9{k}z,2026-03-02,o{k}\n" for k in range(30))
        found = read_data(*files(touches, orders))
        (note,) = people_notes(found.touches, found.conversions)
        assert note.startswith("None of the 30 people")

    def test_an_id_with_most_conversions_is_told(self, files):
        orders = "user_id,time,order_id\n" + "".join(f"{'0' if k < 40 else k},2026-03-02,o{k}\n" for k in range(60))
        found = read_data(*files(TOUCHES, orders))
        assert any("'0' has 40 of 60 conversions" in note for note in people_notes(found.touches, found.conversions))


class TestNames:
    @pytest.mark.parametrize(
        "names", [("facebook.com", "FB", "meta"), ("google", "AdWords"), ("bing", "Microsoft Ads")]
    )
    def test_names_of_one_company_are_told_and_kept_apart(self, names):
        same, said = spelt_alike([(name, 1) for name in names])
        assert not same
        assert "could be one channel" in "\n".join(said)

    @pytest.mark.parametrize(
        "names", [("Réseaux", "Reseaux"), ("email", "e-mails"), ("paid%20search", "paid search"), ("1", "1.0")]
    )
    def test_names_alike_but_for_accents_plural_or_coding_are_told(self, names):
        assert "nearly alike" in "\n".join(spelt_alike([(name, 1) for name in names])[1])

    def test_invisible_signs_make_no_other_channel(self):
        same, _ = spelt_alike([("email", 2), ("email\u200b", 1)])
        assert same == {"email\u200b": "email"}

    @pytest.mark.parametrize("name", ["(not set)", "unknown", "(unavailable)"])
    def test_words_for_no_channel_are_told(self, name):
        assert "is not known" in "\n".join(spelt_alike([(name, 1), ("email", 3)])[1])

    @pytest.mark.parametrize(
        "name", ["direkt", "No referrer", "Accès direct", "$direct", "Direct/None", "(direct)/(none)"]
    )
    def test_direct_has_many_names(self, name):
        assert is_direct_name(name)


class TestTimes:
    def test_touches_by_date_beside_orders_by_hour_say_which_rule_counts(self, files):
        touches = "user_id,date,channel\nu1,2026-03-02,email\n"
        notes = read_data(*files(touches, ORDERS)).report.notes
        assert any("1 touches have a date and no time of day" in note for note in notes)

    def test_the_order_of_day_and_month_is_told(self, files):
        touches = "user_id,time,channel\nu1,3/4/2026,a\nu2,13/4/2026,a\n"
        orders = "user_id,time,order_id\nu1,3/4/2026,o1\nu2,4/13/2026,o2\n"
        notes = "\n".join(read_data(*files(touches, orders)).report.notes)
        assert "begin with the day" in notes
        assert "begin with the month" in notes

    def test_a_date_that_could_be_two_days_is_one_defect(self, files):
        touches = "user_id,time,channel\nu1,3/4/2026,a\n"
        assert refused(*files(touches, ORDERS)).count("\n") == 0

    @pytest.mark.parametrize("month", ["2025-01", "2026-05"])
    def test_conversions_that_no_touch_can_have_brought_are_told(self, files, month):
        orders = f"user_id,time,order_id\nu1,{month}-02 10:00:00,o1\n"
        found = read_data(*files(TOUCHES, orders))
        assert "none of them has a touch" in order_notes(found.touches, found.conversions, 30.0)[0]
        early = read_data(*files(TOUCHES + "u9,1970-01-01 00:00:00,email\n", ORDERS))
        assert "1 touches lie before 1990" in order_notes(early.touches, early.conversions, 30.0)[0]
        plain = read_data(*files(TOUCHES, ORDERS))
        assert not order_notes(plain.touches, plain.conversions, 30.0)

    @pytest.mark.parametrize(
        ("header", "cells"),
        [("quarter", "2025-Q1"), ("year", "2024"), ("start,end", "2025-01-01,2025-01-31"),
         ("from,to", "2025-01-01,2025-02-01"),
         ("period", "Jan 2025"), ("Reporting starts,Reporting ends", "2025-01-01,2025-01-31")],
    )  # fmt: skip
    def test_costs_of_another_period_are_refused_however_it_is_written(self, files, header, cells):
        touches, orders, cost = files(TOUCHES, ORDERS, f"{header},channel,cost\n{cells},email,100\n")
        with pytest.raises(InvalidInputError, match="no cost belongs to them"):
            period_notes(costs_of(cost)[0], read_data(touches, orders))


class TestMoney:
    def test_signs_in_counted_paths_are_never_summed(self, files):
        (path,) = files("path,conversions,value\na,3,$30\nb,2,€20\n")
        assert "amounts of several currencies are never summed" in refused(path)

    @pytest.mark.parametrize("header", ["value (EUR)", "revenue_eur"])
    def test_the_header_says_the_currency(self, files, header):
        paths, cost = files(
            f"path,conversions,{header.replace('revenue_eur', 'value (EUR)')}\na,3,30\n", "channel,cost_usd\na,10\n"
        )
        currencies = read_data(paths).report.currencies + costs_of(cost)[1].currencies
        assert money_problems(currencies)
        orders = ORDERS.replace("value", header)
        assert ("value", "EUR") in read_data(*files(TOUCHES, orders)).report.currencies

    def test_rates_make_one_currency_of_several(self, files, tmp_path):
        rates, cost = files("currency,rate\nUSD,0.5\nGBP,2\n", "channel,cost,currency\na,10,USD\na,10,GBP\nb,10,EUR\n")
        table, report, problems = costs_of(cost, TextOptions(exchange=Exchange.read(rates, "EUR")))
        assert not problems
        assert table["cost_micros"].to_pylist() == [5_000_000, 20_000_000, 10_000_000]
        assert report.currencies == (("cost", "EUR"),)

    def test_a_currency_without_a_rate_is_refused(self, files):
        rates, cost = files("currency,rate\nUSD,0.5\n", "channel,cost,currency\na,10,USD\na,10,JPY\n")
        _, report, _ = costs_of(cost, TextOptions(exchange=Exchange.read(rates, "EUR")))
        assert "has no rate to EUR" in "\n".join(map(str, report.defects))

    @pytest.mark.parametrize(
        "text",
        [
            "currency,rate\nUSD,0\n",
            "currency,rate\nUSD,1\nUSD,2\n",
            "currency\nUSD\n",
            "date,currency,rate\n2026-01-01,USD,1\n",
        ],
    )
    def test_rates_that_say_nothing_are_refused(self, files, text):
        with pytest.raises(InvalidInputError):
            Exchange.read(files(text)[0], "EUR")

    @pytest.mark.parametrize(
        "rows", ["a,x,10\na,y,20\na,Total,30\n", "2026-01-01,a,10\n2026-01-02,a,20\n2026-01-03,Total,30\n"]
    )
    def test_totals_within_a_table_are_left_out(self, files, rows):
        (cost,) = files("channel,campaign,cost\n" + rows if "x" in rows else "day,channel,cost\n" + rows)
        assert sum(costs_of(cost)[0]["cost_micros"].to_pylist()) == 30_000_000

    def test_rows_without_campaign_that_sum_up_the_others_are_refused(self, files):
        (cost,) = files("channel,campaign,cost\na,x,10\na,y,20\na,,30\n")
        assert "keep one level" in "\n".join(costs_of(cost)[2])

    def test_an_average_is_no_channel(self, files):
        (cost,) = files("channel,cost\na,10\nb,20\nAverage,15\n")
        assert "could sum up other rows" in "\n".join(map(str, costs_of(cost)[1].defects))


class TestExports:
    def test_a_remark_below_the_table_is_no_row(self, files):
        (cost,) = files('Campaign name,Spend\na,5\nb,6\n\n"©2026 Microsoft Corporation. All rights reserved. "\n')
        table, report, _ = costs_of(cost)
        assert len(table) == 2
        assert not report.defects
        assert ("remarks below the table", 1) in report.left_out

    def test_what_mixpanel_and_segment_nest_is_read(self, files):
        visit = {
            "type": "page",
            "anonymousId": "u1",
            "timestamp": "2026-03-01T10:00:00Z",
            "context": {"campaign": {"source": "google", "medium": "cpc"}},
        }
        order = {"event": "Purchase", "properties": {"distinct_id": "u1", "time": 1772452800, "revenue": 10}}
        (visits,), (orders,) = (
            files(json.dumps(visit) + "\n", ending="a.jsonl"),
            files(json.dumps(order) + "\n", ending="b.jsonl"),
        )
        found = read_data(visits, orders)
        assert found.touches["channel"].to_pylist() == ["Paid Search"]
        assert found.conversions["value_micros"].to_pylist() == [10_000_000]

    def test_addresses_of_pages_name_the_channel_where_no_column_does(self, files):
        head, shop = "user_id,timestamp,url,referrer\n", "https://shop.example/a"
        rows = [
            f"u1,2026-03-01 10:00:00,{shop}?utm_source=fb&utm_medium=cpc,",
            f"u2,2026-03-01 10:00:00,{shop}?gclid=x,https://www.google.com/",
            f"u3,2026-03-01 10:00:00,{shop},https://www.bing.com/",
            f"u4,2026-03-01 10:00:00,{shop},",
            f"u4,2026-03-01 10:01:00,{shop},{shop}",
        ]
        found = read_data(*files(head + "\n".join(rows) + "\n", ORDERS))
        assert found.touches["channel"].to_pylist() == ["Paid Social", "Paid Search", "Organic Search", "Direct"]
        assert ("pages within a visit", 1) in found.report.left_out

    @pytest.mark.parametrize(
        ("columns", "cells", "channel"),
        [
            ("url", "https://a.example/?gad_source=1", "Paid Search"),
            ("url,referrer", "https://a.example/?gad_source=1,https://www.google.com/", "Paid Search"),
            ("url,gclid", "https://a.example/?gclid=E1,", "Paid Search"),
            ("url,gclid", "https://a.example/,E1", "Paid Search"),
            ("url,utm_source,utm_medium", "https://a.example/?gclid=E1,,", "Paid Search"),
            ("url,utm_source,utm_medium", "https://a.example/?gclid=E1,google,organic", "Paid Search"),
            ("url,utm_source,utm_medium", "https://a.example/?gclid=E1,may,email", "Email"),
            ("url,utm_source,utm_medium", "https://a.example/?utm_source=bing&utm_medium=cpc,,", "Paid Search"),
            (
                "url,utm_source,utm_medium",
                "https://a.example/?utm_source=bing&utm_medium=cpc,(not set),(none)",
                "Paid Search",
            ),
        ],
    )
    def test_addresses_say_what_columns_do_not(self, files, columns, cells, channel):
        touches = f"user_id,time,{columns}\nu1,2026-03-01 10:00:00,{cells}\n"
        assert read_data(*files(touches, ORDERS)).touches["channel"].to_pylist() == [channel]

    def test_orders_with_the_address_of_their_page_are_orders(self, files):
        orders = "user_id,time,url\nu1,2026-03-02,https://shop.example/thanks\n"
        assert len(read_data(*files(TOUCHES, orders)).conversions) == 1

    @pytest.mark.parametrize(
        "cell", [5, "abc", {"a": 1}, [{"key": "ga_session_id", "value": "1"}], [None, "a", {"key": [1]}]]
    )
    def test_ga4_events_whose_parameters_are_none_are_refused_in_words(self, files, cell):
        event = {"event_timestamp": "1772359200000000", "event_name": "purchase", "user_pseudo_id": "u1"}
        (path,) = files(
            json.dumps(event | {"event_params": cell, "collected_traffic_source": [1]}) + "\n", ending=".jsonl"
        )
        assert "no event has a ga_session_id" in refused(path)

    def test_ga4_events_with_a_column_per_parameter(self, files):
        text = "event_timestamp,event_name,user_pseudo_id,ga_session_id,source,medium\n"
        text += "1772359200000000,session_start,u1,1,google,cpc\n"
        (path,) = files(text + "1772359300000000,purchase,u1,1,google,cpc\n")
        found = read_data(path)
        assert found.touches["channel"].to_pylist() == ["Paid Search"]
        (path,) = files(text.replace("ga_session_id", "something"))
        assert "ga_session_id" in refused(path)
