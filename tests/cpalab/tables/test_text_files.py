"""Files of any encoding and compression: the same text, or a refusal before more is unfolded than allowed."""

import bz2
import gzip
import zipfile

import pytest

from cpalab.refusal import InvalidInputError
from cpalab.tables.text_files import content_of

TEXT = "channel,cost\nZürich Ost,3\n"


def test_the_same_text_in_every_encoding(tmp_path):
    path = tmp_path / "costs.csv"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"):
        path.write_bytes(TEXT.encode(encoding))
        content, said = content_of(path)
        assert content.to_pybytes().decode() == TEXT, encoding
        assert ("Windows-1252" in said) == (encoding == "cp1252")


def test_another_encoding_can_be_named_and_nonsense_is_refused(tmp_path):
    path = tmp_path / "costs.csv"
    path.write_bytes("Оплата,3\n".encode("cp1251"))
    assert content_of(path, encoding="cp1251")[0].to_pybytes().decode() == "Оплата,3\n"
    path.write_bytes(b"\x81\x8d,3\n")
    with pytest.raises(InvalidInputError, match="say which it is"):
        content_of(path)


@pytest.mark.parametrize("suffix", ["gz", "bz2", "zip"])
def test_compressed_files_are_unfolded_up_to_a_limit(tmp_path, suffix):
    path = tmp_path / f"costs.csv.{suffix}"

    def write(data):
        if suffix == "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("costs.csv", data)
        else:
            path.write_bytes({"gz": gzip, "bz2": bz2}[suffix].compress(data))

    write(TEXT.encode())
    assert content_of(path)[0].to_pybytes().decode() == TEXT
    write(b"0" * 50_000_000)
    assert path.stat().st_size < 100_000
    with pytest.raises(InvalidInputError, match=r"at most 1 MB of compressed text .* unpack it if you trust it"):
        content_of(path, most_bytes=10_000_000)


def test_what_a_gzip_file_says_it_unfolds_to_is_believed_before_a_byte_is_unfolded(tmp_path, monkeypatch):
    path = tmp_path / "costs.csv.gz"
    path.write_bytes(gzip.compress(b"0" * 2_000_000))
    monkeypatch.setattr("pyarrow.CompressedInputStream", None)
    with pytest.raises(InvalidInputError, match="unfolds to 2 MB or more"):
        content_of(path, most_bytes=10_000_000)


def test_lines_without_end_are_too_large_as_well(tmp_path):
    path = tmp_path / "costs.csv.gz"
    path.write_bytes(gzip.compress(b"\n" * 500_000))
    with pytest.raises(InvalidInputError, match="unfolds to 0 MB with 500,000 lines or more"):
        content_of(path, most_bytes=10_000_000)
    assert len(content_of(path)[0]) == 500_000


def test_an_archive_of_several_tables_is_refused_with_their_names(tmp_path):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", TEXT)
        archive.writestr("b.csv", TEXT)
    with pytest.raises(InvalidInputError, match=r"holds a\.csv, b\.csv, not one table"):
        content_of(path)


def test_a_workbook_is_read_or_refused_with_what_to_do(tmp_path):
    path = tmp_path / "book.xlsx"
    try:
        import openpyxl
    except ImportError:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("xl/workbook.xml", "<workbook/>")
        with pytest.raises(InvalidInputError, match="is an Excel workbook; save the sheet as CSV"):
            content_of(path)
        return
    book = openpyxl.Workbook()
    for row in (["channel", "cost"], ["a", 1.125], ["b", 2]):
        book.active.append(row)
    book.save(path)
    assert content_of(path)[0].to_pybytes().decode().split() == ["channel,cost", "a,1.1250", "b,2"]
