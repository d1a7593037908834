"""Tables of labels, as people and programs write them."""

import builtins
import codecs

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from striate.data.read import read
from striate.errors import ConfigError, DataError
from tests.data.layouts import by_name, json_lines, picture, pictures, table

HEADER = ("path", "label")


@pytest.fixture
def root(tmp_path):
    return pictures(tmp_path / "data", "a.png", "b.png", "c.png", "d.png")


def labels(data):
    return {name: label for name, (_, label) in by_name(data).items()}


def refused(path, match):
    with pytest.raises(DataError, match=match):
        read(path)


class TestColumns:
    @pytest.mark.parametrize("path", ["path", "File Name", "filename", "image_path", "IMG", "file"])
    @pytest.mark.parametrize("label", ["label", "Class", "category", "target", "class_name"])
    def test_are_known_by_the_names_that_people_give_them(self, root, path, label):
        file = table(root / "x.csv", (path, label), ("a.png", "cat"), ("b.png", "dog"))
        assert labels(read(file)) == {"a.png": "cat", "b.png": "dog"}

    def test_may_stand_in_any_order_and_others_are_noted(self, root):
        file = table(
            root / "x.csv", ("", "label", "weight", "path"), ("0", "cat", "3", "a.png"), ("1", "dog", "4", "b.png")
        )
        data = read(file)
        assert labels(data) == {"a.png": "cat", "b.png": "dog"}
        assert data.notes == ("x.csv: columns that are not read: weight",)

    def test_that_are_needed_and_missing_are_named_with_those_that_are_there(self, root):
        table(root / "x.csv", ("path", "lable", "size"), ("a.png", "cat", "1"))
        refused(
            root / "x.csv",
            r"x\.csv: has no column of classes; it has path, lable, size. Is 'lable' meant\? Name one 'label'",
        )
        table(root / "x.csv", ("where", "label"), ("a.png", "cat"))
        refused(
            root / "x.csv",
            r"has no column of paths; it has where, label. Name one 'path' \(or file_name, filename, file\)",
        )

    def test_without_a_header_are_told_what_to_write(self, root):
        table(root / "x.csv", ("a.png", "cat"), ("b.png", "dog"))
        refused(
            root / "x.csv", r"x\.csv: has no header: its first row is a\.png, cat. Put a line such as path,label above"
        )

    def test_that_could_both_be_the_class_are_refused(self, root):
        table(root / "x.csv", ("path", "label", "category"), ("a.png", "cat", "animal"))
        refused(root / "x.csv", "columns label and category can both be the class. Rename the one that is not")

    def test_of_a_number_and_its_name_give_the_name(self, root):
        file = table(root / "x.csv", ("path", "label", "class_name"), ("a.png", "0", "cat"), ("b.png", "1", "dog"))
        assert labels(read(file)) == {"a.png": "cat", "b.png": "dog"}

    def test_of_several_paths_the_one_whose_files_are_there_counts(self, root):
        file = table(
            root / "x.csv", ("path", "filename", "label"), ("old/a", "a.png", "cat"), ("old/b", "b.png", "dog")
        )
        assert labels(read(file)) == {"a.png": "cat", "b.png": "dog"}
        table(root / "x.csv", ("path", "filename", "label"), ("a.png", "b.png", "cat"))
        refused(root / "x.csv", "columns path and filename can both be the path of the picture")

    def test_of_one_name_are_refused(self, root):
        table(root / "x.csv", ("path", "label", "label"), ("a.png", "cat", "dog"))
        refused(root / "x.csv", "2 columns are called 'label'")


class TestParts:
    def test_and_groups_are_read_from_their_columns(self, root):
        file = table(
            root / "x.csv", (*HEADER, "Split", "patient_id"),
            ("a.png", "cat", "train", "p1"), ("b.png", "cat", "VAL", "p2"), ("c.png", "dog", "testing", "p3"),
        )  # fmt: skip
        data = read(file)
        assert by_name(data) == {"a.png": ("train", "cat"), "b.png": ("validation", "cat"), "c.png": ("test", "dog")}
        assert list(data.train.groups) == ["p1"]
        assert not data.parted

    def test_that_do_not_exist_are_refused_by_row(self, root):
        file = table(root / "x.csv", (*HEADER, "split"), ("a.png", "cat", "train"), ("b.png", "cat", "holdout"))
        refused(file, r"x\.csv: row 3 is in the part 'holdout'. Write train, validation, test")
        file = table(root / "x.csv", (*HEADER, "split"), ("a.png", "cat", "train"), ("b.png", "cat", ""))
        refused(file, r"row 3 has no part")

    def test_are_taken_from_a_column_called_set_only_where_it_holds_parts(self, root):
        file = table(root / "x.csv", (*HEADER, "set"), ("a.png", "cat", "train"), ("b.png", "dog", "test"))
        assert not read(file).parted
        file = table(root / "x.csv", (*HEADER, "set", "fold"), ("a.png", "cat", "A", "1"), ("b.png", "dog", "B", "2"))
        assert read(file).notes == ("x.csv: columns that are not read: set, fold",)

    def test_are_said_by_the_first_folder_where_no_column_does(self, tmp_path):
        root = pictures(tmp_path, "train/a.png", "test/b.png")
        data = read(table(root / "x.csv", HEADER, ("train/a.png", "cat"), ("test/b.png", "cat")))
        assert by_name(data) == {"train/a.png": ("train", "cat"), "test/b.png": ("test", "cat")}
        assert "the first folder of 2 paths says the part" in data.notes[0]

    def test_are_tables_of_a_folder_called_after_them(self, root):
        table(root / "train.csv", HEADER, ("a.png", "cat"), ("b.png", "dog"))
        table(root / "labels_test.csv", HEADER, ("c.png", "cat"))
        table(root / "sample_submission.csv", ("id", "guess"), ("1", "2"))
        data = read(root)
        assert by_name(data) == {"a.png": ("train", "cat"), "b.png": ("train", "dog"), "c.png": ("test", "cat")}
        assert data.notes == ("sample_submission.csv: has no columns of paths and classes, and is not read",)

    def test_several_other_tables_in_a_folder_are_named(self, root):
        table(root / "one.csv", HEADER, ("a.png", "cat"))
        table(root / "two.tsv", HEADER, ("b.png", "cat"), delimiter="\t")
        refused(
            root, r"holds several tables, one\.csv, two\.tsv. Name the one you mean, such as .*one\.csv, or call them"
        )


class TestValues:
    def test_that_look_like_numbers_stay_text(self, root):
        names = ("010", "1e3", "no", "True")
        file = table(root / "x.csv", HEADER, *((f"{c}.png", name) for c, name in zip("abcd", names, strict=True)))
        assert read(file).classes == ("010", "1e3", "True", "no")

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_may_be_divided_in_several_ways(self, root, delimiter):
        file = table(root / "x.csv", (*HEADER, "split"), ("a.png", "cat, big; old|new", "train"), delimiter=delimiter)
        assert labels(read(file)) == {"a.png": "cat, big; old|new"}

    def test_may_have_the_line_above_that_excel_understands(self, root):
        (root / "x.csv").write_text("sep=;\npath;label\na.png;cat\n")
        assert labels(read(root / "x.csv")) == {"a.png": "cat"}

    def test_lose_the_blanks_around_them_and_empty_rows_are_passed(self, root):
        (root / "x.csv").write_text('path , label\n\na.png, cat \n,\n"b.png", "cat"\r\n\n')
        assert labels(read(root / "x.csv")) == {"a.png": "cat", "b.png": "cat"}

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-8", "cp1252", "latin-1"])
    def test_may_be_in_several_encodings(self, root, encoding):
        data = read(table(root / "x.csv", HEADER, ("a.png", "Käfer"), ("b.png", "Spaß"), encoding=encoding))
        assert data.classes == ("Käfer", "Spaß")
        told = ["x.csv: is not UTF-8 (line 2), and is read as Western European (cp1252)" in note for note in data.notes]
        assert told == ([True] if encoding in ("cp1252", "latin-1") else [])

    def test_that_no_windows_would_write_are_read_as_latin_1(self, root):
        (root / "x.csv").write_bytes(b"path,label\na.png,\x81\xe4x\n")
        assert "(latin-1)" in read(root / "x.csv").notes[0]

    def test_of_a_mac_or_windows_have_their_line_ends(self, root):
        for end in ("\r", "\r\n"):
            (root / "x.csv").write_bytes(f"path,label{end}a.png,cat{end}b.png,dog{end}".encode())
            assert labels(read(root / "x.csv")) == {"a.png": "cat", "b.png": "dog"}


class TestBadRows:
    @pytest.mark.parametrize(
        ("path", "match"),
        [
            ("/etc/passwd", "row 2: path '/etc/passwd' is absolute. Write it from the table's folder on"),
            ("C:\\pictures\\a.png", r"path 'C:.*a.png' is absolute"),
            ("C:a.png", "is absolute"),
            ("\\\\server\\a.png", "is absolute"),
            ("~/a.png", "is absolute"),
            ("../a.png", "path '../a.png' leads out of the table's folder"),
            ("sub/../../a.png", "leads out"),
            ("sub\\..\\..\\a.png", "leads out"),
            ("https://example.org/a.png", "is an address. Bring the picture here"),
            ("file:///etc/passwd", "is an address"),
            ("", "row 2 has no path"),
            (".", "names no file"),
        ],
    )
    def test_whose_path_is_not_below_the_folder_are_refused(self, root, path, match):
        refused(table(root / "x.csv", HEADER, (path, "cat"), ("a.png", "cat")), match)

    def test_without_a_label_are_refused(self, root):
        refused(
            table(root / "x.csv", HEADER, ("a.png", "cat"), ("b.png", " ")), "row 3 has no label. Write one, or take"
        )

    def test_with_a_novel_as_label_are_refused(self, root):
        refused(table(root / "x.csv", HEADER, ("a.png", "x" * 400)), "is no name. Is this the column of classes")

    def test_with_fewer_or_more_cells_are_refused(self, root):
        refused(table(root / "x.csv", HEADER, ("a.png", "cat"), ("b.png",)), "row 3 has 1 cells, but the header has 2")
        refused(table(root / "x.csv", HEADER, ("a.png", "cat", "big")), "row 2 has 3 cells, but the header has 2")

    def test_with_a_nul_or_an_open_quotation_mark_are_refused(self, root):
        (root / "x.csv").write_bytes(b"path,label\na.png,c\0t\n")
        refused(root / "x.csv", "line 2 holds a NUL, so that this is no text")
        (root / "x.csv").write_text('path,label\n"a.png,cat\n' + "b.png,dog\n" * 20_000)
        refused(root / "x.csv", "row 2 cannot be read .a cell is too long: is a quotation mark left open")
        (root / "x.csv").write_text('path,label\n"a"b.png,cat\n')
        refused(root / "x.csv", "row 2 cannot be read")

    def test_that_never_end_are_refused(self, root):
        (root / "x.csv").write_text("path,label\n" + "a" * 2_000_000)
        refused(root / "x.csv", "line 2 is longer than 1,048,576 characters")

    def test_in_utf_16_without_its_mark_are_refused(self, root):
        (root / "x.csv").write_bytes("path,label\na.png,cat\n".encode("utf-16-le"))
        refused(root / "x.csv", "NUL, so that this is no text, or UTF-16 without its mark|has no column of paths")

    def test_that_break_off_in_utf_16_are_refused(self, root):
        (root / "x.csv").write_bytes(codecs.BOM_UTF16_LE + "path,label\na.png,cat\n".encode("utf-16-le") + b"\x00\xd8")
        refused(root / "x.csv", r"cannot be read after line \d")

    def test_alone_or_none_are_told(self, root):
        (root / "x.csv").write_text("")
        refused(root / "x.csv", "is empty. Write a header, such as path,label")
        refused(table(root / "x.csv", HEADER), "has a header, and no row below it")


class TestPictures:
    def test_that_are_missing_stay_so_that_a_check_names_them(self, root):
        data = read(table(root / "x.csv", HEADER, ("a.png", "cat"), ("gone.png", "cat"), ("b.png", "dog")))
        assert set(labels(data)) == {"a.png", "gone.png", "b.png"}

    def test_that_are_all_missing_are_told_once_with_where_they_are(self, root):
        picture(root / "images/e.png")
        file = table(root / "x.csv", HEADER, ("e.png", "cat"), ("f.png", "dog"))
        refused(
            file,
            r"none of its 2 pictures is below .*data; the first is 'e.png'. There is images/e.png: write the paths",
        )
        refused(table(root / "x.csv", HEADER, ("no.png", "cat")), "none of its 1 pictures .* Write the paths from")

    def test_that_stand_twice_count_once(self, root):
        data = read(
            table(root / "x.csv", HEADER, ("a.png", "cat"), ("./a.png", "cat"), ("b.png", "dog"), ("a.png", "cat"))
        )
        assert sorted(labels(data)) == ["a.png", "b.png"]
        assert data.notes == ("2 rows say again what another row says, and count once",)

    def test_with_two_labels_are_told_with_both_rows_and_the_first_counts(self, root):
        data = read(
            table(root / "x.csv", HEADER, ("a.png", "cat"), ("b.png", "dog"), ("c.png", "dog"), ("a.png", "dog"))
        )
        assert labels(data)["a.png"] == "cat"
        assert len(data.notes) == 1
        assert "x.csv: row 5 says 'dog' of a.png, and row 2 'cat'; the first counts" in data.notes[0]

    def test_in_two_parts_are_told_and_stay_in_the_first(self, root):
        rows = (("a.png", "cat", "train"), ("b.png", "dog", "train"), ("a.png", "cat", "test"))
        data = read(table(root / "x.csv", (*HEADER, "split"), *rows))
        assert by_name(data)["a.png"] == ("train", "cat")
        assert "row 4 says 'test' of a.png, and row 2 'train'" in data.notes[0]

    def test_that_have_several_labels_throughout_are_refused(self, root):
        rows = [(f"{c}.png", label) for c in "abcd" for label in ("red", "round")]
        refused(
            table(root / "x.csv", HEADER, *rows), "row 3 says 'round' of a.png, and row 2 'red', and so do 3 more rows"
        )

    def test_are_found_behind_backslashes(self, tmp_path):
        root = pictures(tmp_path, "sub/a.png", "sub/b.png")
        data = read(table(root / "x.csv", HEADER, ("sub\\a.png", "cat"), (".\\sub\\b.png", "cat")))
        assert set(labels(data)) == {"sub/a.png", "sub/b.png"}
        assert data.notes == ("2 paths have backslashes, which are read as slashes",)


class TestParquet:
    def written(self, root, **columns):
        pq.write_table(pa.table(columns), root / "x.parquet")
        return root / "x.parquet"

    def test_is_read_with_numbers_and_categories_as_text(self, root):
        data = read(self.written(root, path=["a.png", "b.png"], label=[3, 12]))
        assert labels(data) == {"a.png": "3", "b.png": "12"}
        file = self.written(
            root, image=["a.png", "b.png"], label=pa.array(["cat", "dog"]).dictionary_encode(), n=[1, 2]
        )
        assert labels(read(file)) == {"a.png": "cat", "b.png": "dog"}
        assert read(file).notes == ("x.parquet: columns that are not read: n",)

    def test_with_an_empty_cell_is_refused_by_row(self, root):
        refused(self.written(root, path=["a.png", "b.png"], label=["cat", None]), "x.parquet: row 3 has no label")
        refused(self.written(root, path=["a.png", "b.png"], label=[1.0, float("nan")]), "x.parquet: row 3 has no label")

    def test_with_pictures_inside_is_refused(self, root):
        refused(
            self.written(root, image=[{"bytes": b"x", "path": "a.png"}], label=["cat"]),
            "column image holds struct<.*not texts or numbers",
        )

    def test_that_is_damaged_is_refused(self, root):
        file = self.written(root, path=["a.png"], label=["cat"])
        for damage in (b"", b"PAR1", file.read_bytes()[:-9]):
            file.write_bytes(damage)
            refused(file, "x.parquet: is not a sound Parquet file")

    def test_without_pyarrow_says_what_to_install(self, root, monkeypatch):
        file = self.written(root, path=["a.png"], label=["cat"])
        real = builtins.__import__

        def without(name, *rest, **more):
            if name.startswith("pyarrow"):
                raise ImportError(name)
            return real(name, *rest, **more)

        monkeypatch.setattr(builtins, "__import__", without)
        with pytest.raises(
            ConfigError, match=r"read by pyarrow, which is not installed. Run: pip install 'striate\[parquet\]'"
        ):
            read(file)


class TestJsonLines:
    def test_are_a_table_too(self, root):
        file = json_lines(root / "x.jsonl", {"path": "a.png", "label": "cat"}, {"label": 7, "path": "b.png"})
        assert labels(read(file)) == {"a.png": "cat", "b.png": "7"}

    def test_keep_numbers_as_they_are_written(self, root):
        (root / "x.jsonl").write_text('{"path": "a.png", "label": 1e3}\n{"path": "b.png", "label": 1.0}\n')
        assert read(root / "x.jsonl").classes == ("1.0", "1e3")

    @pytest.mark.parametrize(
        ("line", "match"),
        [
            (
                '{"path": "b.png", "label": "dog"',
                r"x.jsonl: line 2 is not JSON \(Expecting ',' delimiter at character \d+",
            ),
            ("[1]", r"line 2 is \['1'\], not an object"),
            ('{"path": "b.png", "label": NaN}', "NaN is no JSON number"),
            ('{"path": "b.png", "label": "x", "label": "y"}', "'label' stands twice"),
            ('{"path": "b.png", "label": ["x", "y"]}', "line 2: label is .'x', 'y'.; one name is needed"),
            ('{"path": "b.png", "label": "\\ud800"}', "half a character"),
            ('{"path": "b.png"}', "line 2 has no label"),
            ('{"path": "b.png", "label": null}', "line 2 has no label"),
            ('{"path": "b.png", "label": ' + "[" * 200_000 + "}", "too deep|not JSON"),
            ('{"path": "../b.png", "label": "x"}', "line 2: path '../b.png' leads out"),
            ('{"path": "b\\u0000.png", "label": "x"}', "names no file"),
        ],
    )
    def test_that_are_wrong_are_refused_by_line(self, root, line, match):
        (root / "x.jsonl").write_text('{"path": "a.png", "label": "cat"}\n' + line + "\n")
        refused(root / "x.jsonl", match)


def test_a_pipe_in_place_of_a_table_does_not_hang(root):
    import os

    os.mkfifo(root / "x.csv")
    refused(root / "x.csv", "is a pipe, not a file")
