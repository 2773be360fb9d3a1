"""Sets of digits from whatever files people bring."""

import gzip
import io
import pickle
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import pandas as pd
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lrcore.cli import main
from lrcore.data import as_set, idx_bytes
from lrcore.datasets import ON_A_PAGE, Bounds, load, load_part, upright
from lrcore.errors import UserError
from lrcore.labelled import label_of, part_of
from lrcore.own_set import to_idx, to_zip
from tests.files import npy, npz, saved, zipped


@pytest.fixture(scope="module")
def own(test_set):
    return test_set.take(slice(0, 40))


def csv(rows, header="", mark=","):
    lines = [mark.join(map(str, row)) for row in rows.tolist()]
    return "\n".join([header, *lines] if header else lines).encode()


def flat(own):
    return own.images.reshape(len(own), -1)


def is_whole(loaded, own):
    assert not loaded.rejected
    np.testing.assert_array_equal(loaded.digits.images, own.images)
    np.testing.assert_array_equal(loaded.digits.labels, own.labels)


def idx(values, kind):
    """An IDX file of another type than bytes."""
    head = struct.pack(f">HBB{values.ndim}I", 0, kind, values.ndim, *values.shape)
    return head + values.tobytes()


def pairs_of(own):
    return enumerate(zip(own.images, own.labels, strict=True))


# Every form that a set comes in.


def forms(own):
    images, labels = to_idx(own)
    rows = np.column_stack([own.labels, flat(own)])
    last = np.column_stack([flat(own), own.labels])
    header = ",".join(["label", *(f"pixel{k}" for k in range(784))])
    yield "idx", [("train-images.idx3-ubyte", images), ("train-labels.idx1-ubyte", labels)]
    yield "idx of other names", [("emnist-digits-labels", labels), ("emnist-digits-img", images)]
    yield "idx flattened", [("a", idx_bytes(flat(own))), ("b", labels)]
    yield "idx zipped", [("mnist.zip", zipped({"raw/a-idx3": images, "raw/b-idx1": labels}))]
    yield (
        "idx gzipped in a zip",
        [("m.zip", zipped({"a.gz": gzip.compress(images, mtime=0), "b": labels}))],
    )
    qmnist = np.column_stack([own.labels, np.zeros((len(own), 7))]).astype(">i4")
    yield "qmnist", [("q-images", images), ("q-labels.idx2-int", idx(qmnist, 0x0C))]
    yield "idx of int labels", [("a", images), ("b", idx(own.labels.astype(">i4"), 0x0C))]
    yield "idx of floats", [("a", idx((own.images / 255).astype(">f4"), 0x0D)), ("b", labels)]
    yield "kaggle", [("train.csv", csv(rows, header))]
    yield "csv without header", [("mnist.csv", csv(rows))]
    yield "csv gzipped", [("mnist.csv.gz", gzip.compress(csv(rows, header), mtime=0))]
    yield "csv label last", [("mnist.csv", csv(last))]
    yield "csv of semicolons", [("mnist.csv", csv(rows, mark=";"))]
    yield "csv of floats", [("mnist.txt", csv(rows.astype(float), mark=" "))]
    yield (
        "csv from windows",
        [("m.csv", b"\xef\xbb\xbf" + csv(rows, header).replace(b"\n", b"\r\n"))],
    )
    yield "csv with quotes", [("m.csv", csv(rows, '"label",' + header[6:]))]
    yield (
        "keras",
        [
            (
                "mnist.npz",
                npz(
                    x_train=own.images[:30],
                    y_train=own.labels[:30],
                    x_test=own.images[30:],
                    y_test=own.labels[30:],
                ),
            )
        ],
    )
    yield "npz", [("digits.npz", npz(X=flat(own), y=own.labels.astype(np.int64)))]
    yield "npz of channels", [("d.npz", npz(images=own.images[..., None], labels=own.labels))]
    yield "npz of 0 to 1", [("d.npz", npz(x=own.images / 255, y=own.labels))]
    yield "npz one-hot", [("d.npz", npz(x=own.images, y=np.eye(10)[own.labels]))]
    yield "npz ten for zero", [("d.npz", npz(x=own.images, y=np.where(own.labels, own.labels, 10)))]
    yield "two npys", [("X.npy", npy(own.images)), ("y.npy", npy(own.labels))]
    yield "pngs", [("own.zip", to_zip(own))]
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    for form, folders in (
        ("digit_", [f"digit_{k}" for k in range(10)]),
        ("class", [f"class {k}" for k in range(10)]),
        ("word", words),
    ):
        members = {f"set/{folders[k]}/{i:03}.png": saved(image) for i, (image, k) in pairs_of(own)}
        yield f"folders {form}", [("o.zip", zipped(members))]
    yield (
        "names",
        [(f"{i:03}-{k}.png", saved(image)) for i, (image, k) in pairs_of(own)],
    )
    named = [(f"{i:03}.png", saved(image), k) for i, (image, k) in pairs_of(own)]
    members = {f"Images/{name}": raw for name, raw, _ in named}
    rows = "".join(f"{name},{k}\r\n" for name, _, k in named)
    yield "table beside", [*members.items(), ("train.csv", f"filename,label\r\n{rows}".encode())]
    yield "table in the zip", [("o.zip", zipped({**members, "z.csv": rows.encode()}))]
    behind = "".join(f'{k}\t{i}\t"./Images/{name}"\n' for i, (name, _, k) in enumerate(named))
    table = f"class\tid\tpicture\n{behind}".encode()
    yield "table of tabs", [("o.zip", zipped(members)), ("t.tsv.gz", gzip.compress(table, mtime=0))]
    windows = {f"{k} ({i}).png": saved(image) for i, (image, k) in pairs_of(own)}
    yield "names of windows", [("o.zip", zipped(windows))]
    counted = pd.DataFrame(flat(own)).add_prefix("pixel").assign(label=own.labels)
    yield "csv of pandas", [("own.csv", counted.to_csv().encode())]
    yield (
        "csv in two",
        [
            ("x.csv", counted.drop(columns="label").to_csv(index_label="id").encode()),
            ("y.csv", counted[["label"]].to_csv(index_label="id").encode()),
        ],
    )
    attributes = "".join(f"@ATTRIBUTE pixel{k} real\n" for k in range(1, 785))
    labelled = f"{attributes}@ATTRIBUTE class {{0,1,2,3,4,5,6,7,8,9}}\n"
    arff = f"% MNIST\n@RELATION mnist_784\n\n{labelled}@DATA\n".encode() + csv(last)
    yield "arff", [("mnist_784.arff", arff)]
    yield "npz of OpenML", [("d.npz", npz(x=flat(own), y=own.labels.astype(str)))]
    yield (
        "bmps and gifs",
        [
            (
                "o.zip",
                zipped(
                    {
                        f"{k}/{i:03}.{kind}": saved(image, kind)
                        for i, (image, k) in pairs_of(own)
                        for kind in [("bmp", "gif", "tiff", "webp")[i % 3]]
                    }
                ),
            )
        ],
    )


FORMS = [name for name, _ in forms(as_set(np.zeros((40, 28, 28), np.uint8), [0] * 40))]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_set_is_read(own, form):
    is_whole(load(dict(forms(own))[form]), own) if form != "keras" else None
    if form == "keras":
        loaded = load(dict(forms(own))[form])
        assert {part: len(data) for part, data in loaded.parts.items()} == {"train": 30, "test": 10}
        np.testing.assert_array_equal(loaded.parts["test"].labels, own.labels[30:])


def test_what_was_done_to_labels_and_greys_is_said(own):
    notes = {form: load(dict(forms(own))[form]).notes for form in FORMS}
    assert "label 10 is taken as 0" in notes["npz ten for zero"][0]
    assert "one-hot" in notes["npz one-hot"][0]
    assert "greys of 0 to 1" in notes["npz of 0 to 1"][0]
    assert notes["idx"] == notes["kaggle"] == notes["pngs"] == []


def test_four_files_at_once_are_paired_by_count_and_name(test_set):
    sets = {"train": test_set.take(slice(0, 30)), "t10k": test_set.take(slice(30, 60))}
    files = [
        (f"{part}-{kind}-idx{n}-ubyte", content)
        for part, data in sets.items()
        for kind, n, content in zip(("images", "labels"), (3, 1), to_idx(data), strict=True)
    ]
    for order in (files, files[::-1], [files[i] for i in (0, 3, 2, 1)]):
        loaded = load(order)
        assert not loaded.rejected
        np.testing.assert_array_equal(loaded.parts["train"].labels, sets["train"].labels)
        np.testing.assert_array_equal(loaded.parts["test"].images, sets["t10k"].images)


def test_a_half_without_its_partner_is_named_with_what_was_found(own):
    images, labels = to_idx(own)
    loaded = load([("pictures", images), ("labels", idx_bytes(own.labels[:-1]))])
    said = dict(loaded.rejected)
    assert "40 pictures without their partner" in said["pictures"]
    assert "found labels (39)" in said["pictures"]
    assert "found pictures (40)" in said["labels"]
    assert [name for name, _ in load([("lone", labels)]).rejected] == ["lone"]


def test_pictures_of_other_sizes_are_framed(own):
    small = np.stack(
        [np.asarray(Image.fromarray(image[4:24, 4:24]).resize((8, 8))) for image in own.images]
    )
    for values in (small, small // 16, (255 - small) / 255):
        loaded = load([("d.npz", npz(x=values.reshape(40, 64), y=own.labels))])
        assert not loaded.rejected
        assert loaded.digits.images[:, :2].max() == 0
        assert loaded.digits.images.max((1, 2)).min() > 150


@pytest.mark.parametrize("compressed", [True, False])
def test_matrices_of_matlab_are_turned_upright(test_set, compressed):
    data = test_set.take(slice(0, 200))
    columns = data.images[:, 4:24, 4:24].transpose(0, 2, 1).reshape(200, 400) / 255
    labels = np.where(data.labels, data.labels, 10)[:, None]
    file = io.BytesIO()
    scipy.io.savemat(file, {"X": columns, "y": labels}, do_compression=compressed)
    loaded = load([("ex3data1.mat", file.getvalue())])
    assert not loaded.rejected
    np.testing.assert_array_equal(loaded.digits.labels, data.labels)
    assert any("turned about their diagonal" in note for note in loaded.notes)
    # Each lies in the frame as MNIST's own does, to a pixel.
    same = np.abs(loaded.digits.images.astype(int) - data.images).mean((1, 2))
    assert np.median(same) < 12


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda images: images.transpose(0, 2, 1), "turned about their diagonal"),
        (lambda images: 255 - images, "inverted"),
        (
            lambda images: 255 - images.transpose(0, 2, 1),
            "turned about their diagonal and inverted",
        ),
    ],
)
def test_a_set_that_lies_otherwise_is_turned_and_that_is_said(test_set, change, said):
    data = test_set.take(slice(0, 100))
    odd = as_set(change(data.images), data.labels)
    files = [("a", idx_bytes(odd.images)), ("b", idx_bytes(odd.labels))]
    loaded = load(files)
    np.testing.assert_array_equal(loaded.digits.images, data.images)
    assert f"are {said}, as the default model" in loaded.notes[0]
    np.testing.assert_array_equal(load(files, as_is=True).digits.images, odd.images)


def test_what_lies_well_or_is_too_little_to_tell_is_left_alone(test_set):
    data = test_set.take(slice(0, 100))
    assert upright(data) == (data, "")
    turned = as_set(data.images[:9].transpose(0, 2, 1), data.labels[:9])
    assert upright(turned) == (turned, "")
    rng = np.random.default_rng(0)
    noise = as_set(data.images, rng.permutation(data.labels))
    assert upright(noise) == (noise, "")


def test_labels_that_folders_and_names_tell():
    told = {
        **{"7/a.png": 7, "digit_7/a.png": 7, "seven/a.png": 7, "class 7/a.png": 7, "a-7.png": 7},
        **{"Digit-3/x/a.png": 3, "SEVEN/1.png": 7, "set\\4\\a.png": 4, "label 0/9.png": 0},
        **{"7 (12).png": 7, "7 - Copy.png": 7, "7 - Copy (2).png": 7, "x_7 copy 2.png": 7},
        **{
            "digit7.png": None,
            "label_3 (4).jpg": 3,
            "nine.png": 9,
            "(7).png": None,
            "7b.png": None,
        },
        **{"img_12_5.jpg": 5, "7/a-3.png": 7, "5.png": 5, "../../10/x.png": None},
        **{"a7.png": None, "eleven/x.png": None, "digits/a.png": None, "77/a.png": None},
    }
    assert {name: label_of(name) for name in told} == told
    assert [part_of(n) for n in ("x_train", "t10k-images", "data/test/7/a", "mnist")] == [
        *("train", "test", "test", "")
    ]


def test_pictures_that_are_no_mnist_go_the_way_of_uploads(test_set):
    rng = np.random.default_rng(0)
    members = {}
    for i, (image, k) in enumerate(zip(test_set.images[:60], test_set.labels, strict=False)):
        side = int(rng.choice([64, 120, 300]))
        paper = Image.fromarray(255 - image).resize((side, side), Image.Resampling.BICUBIC)
        members[f"{k}/{i}.jpg"] = saved(paper, "JPEG")
    seen = []
    loaded = load([("own.zip", zipped(members))], progress=lambda *at: seen.append(at))
    assert not loaded.rejected
    assert seen[-1] == (61, 61)
    from lrcore.reading import Reader
    from lrcore.weights import DEFAULT, load_weights

    right, n = Reader(load_weights(DEFAULT)).accuracy(loaded.digits.images, loaded.digits.labels)
    assert n == 60
    assert right > 0.95


def test_furniture_is_passed_over_in_silence(own):
    names = [
        *("Thumbs.db", "7/Thumbs.db", "desktop.ini", ".DS_Store", "7/.DS_Store", "7/"),
        *("__MACOSX/7/._a.png", "README", "README.md", "readme.txt", "LICENSE", ".git/config"),
    ]
    members = dict.fromkeys(names, b"") | {"7/a.png": saved(own.images[0])}
    loaded = load([("own.zip", zipped(members)), ("desktop.ini", b"[x]"), ("README.txt", b"hi")])
    assert not loaded.rejected
    assert loaded.digits.labels.tolist() == [7]


def test_each_rejected_file_is_named_and_the_others_are_kept(own):
    good = saved(own.images[0])
    members = {
        "7/good.png": good,
        "notes.txt": b"hello",
        "eleven/x.png": good,
        "../../10/x.png": good,
        "3/no.png": b"not a picture",
        "3/half.png": good[:60],
        "3/black.png": saved(np.zeros((28, 28), np.uint8)),
        "3/blank.png": saved(np.full((90, 90), 255, np.uint8)),
        "3/huge.png": saved(np.zeros((21_000, 2), np.uint8)),
        "__MACOSX/7/._good.png": b"",
        "7/.DS_Store": b"",
    }
    loaded = load([("own.zip", zipped(members))])
    assert loaded.digits.labels.tolist() == [7]
    rejected = dict(loaded.rejected)
    assert set(rejected) == {
        *("notes.txt", "eleven/x.png", "../../10/x.png", "3/no.png", "3/half.png"),
        *("3/black.png", "3/blank.png", "3/huge.png"),
    }
    assert "0 to 9" in rejected["../../10/x.png"]
    assert "too large" in rejected["3/huge.png"]


def test_bombs_do_not_unpack(own):
    zeros = bytes(10_000_000)
    loaded = load([("bomb.zip", zipped({"7/bomb.png": zeros, "7/fine.png": saved(own.images[0])}))])
    assert loaded.digits.labels.tolist() == [7]
    assert loaded.rejected == [
        ("7/bomb.png", "is too large once unpacked: 4 MB a picture, 64 MB in all.")
    ]
    # A small PNG that claims to be enormous.
    header = bytearray(saved(own.images[0]))
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(header[12:29]).to_bytes(4, "big")
    loaded = load([("bomb.zip", zipped({"7/wide.png": bytes(header)}))])
    assert loaded.rejected[0][0] == "7/wide.png"
    few = Bounds(files=10, bytes=2**20)
    for name, raw in [("a.gz", gzip.compress(zeros, mtime=0)), ("b.zip", zipped({"x": zeros}))]:
        ((_, why),) = load([(name, raw)], few).rejected
        assert " 1 MB" in why
    ((_, why),) = load([("cut.gz", gzip.compress(zeros, mtime=0)[:-9])]).rejected
    assert why.startswith("is damaged: its gzip stream does not unpack (")
    loaded = load([("many.zip", zipped({f"7/{i}.png": b"" for i in range(11)}))], few)
    assert loaded.rejected == [("many.zip", "holds 11 files; up to 10 are read at once.")]
    nested = zipped({"7/inner.zip": zipped({"7/a.png": saved(own.images[0])})})
    assert "a ZIP in a ZIP" in load([("outer.zip", nested)]).rejected[0][1]
    file = io.BytesIO()
    scipy.io.savemat(file, {"X": np.zeros((4000, 400)), "y": np.ones(4000)}, do_compression=True)
    assert "unpacks to more than 1 MB" in load([("x.mat", file.getvalue())], few).rejected[0][1]


def test_pictures_that_take_long_come_to_an_end(own):
    members = {f"7/{i}.png": saved(own.images[i]) for i in range(20)}
    loaded = load([("own.zip", zipped(members))], Bounds(seconds=-1))
    assert not len(loaded.digits)
    assert {why for _, why in loaded.rejected} == {
        "is one more than can be prepared at once; bring it in another ZIP."
    }


def test_damaged_files_are_named(own):
    packed, (images, labels) = to_zip(own), to_idx(own)
    encrypted = bytearray(zipped({"7/a.png": saved(own.images[0])}))
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    cases = [
        ([("cut.zip", packed[: len(packed) // 2])], ["cut.zip"]),
        ([("text", b"hello")], ["text"]),
        ([("images", images), ("labels", labels[:-1])], ["labels", "images"]),
        ([("images", images), ("labels", idx_bytes(own.labels + 10))], ["images and labels"]),
        ([("images", images), ("labels", idx_bytes(own.labels + 90))], ["images and labels"]),
        ([("locked.zip", bytes(encrypted))], ["7/a.png"]),
    ]
    for files, named in cases:
        loaded = load(files)
        assert not len(loaded.digits)
        assert [name for name, _ in loaded.rejected] == named, files[0][0]


def tar_of(own):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        info = tarfile.TarInfo("7/a.png")
        content = saved(own.images[0])
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "raw", "says"),
    [
        ("a.tar.gz", tar_of, "a tar archive; unpack it"),
        ("a.zip", lambda own: zipped({"7/a.png": b"x"}, zipfile.ZIP_LZMA), "by 'deflate'"),
        ("a.7z", lambda own: b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it"),
        ("a.rar", lambda own: b"Rar!\x1a\7", "is a RAR archive; unpack it"),
        ("a.h5", lambda own: b"\x89HDF\r\n\x1a\n", "save it with -v7"),
        ("a.pkl", lambda own: pickle.dumps(own.images), "np.savez('digits.npz', x=images"),
        ("a.pdf", lambda own: b"%PDF-1.4", "save its pages as pictures"),
        ("a.png", lambda own: saved(own.images[0]), "a folder named 0 to 9, or end its name in -7"),
        ("a.npz", lambda own: npz(x=own.images.astype(object)), "never opened"),
        ("a.npz", lambda own: npz(x=own.images - 300.0, y=own.labels), "go from -300"),
        ("a.npz", lambda own: npz(x=own.images * np.nan, y=own.labels), "not numbers"),
        ("a.npz", lambda own: npz(x=own.images, y=own.labels / 2), "no whole number"),
        ("a.npz", lambda own: npz(x=own.images, y=np.ones((40, 10))), "one-hot"),
        ("a.npz", lambda own: npz(x=own.images, y=np.full(40, "seven")), "numbers 0 to 9"),
        ("a.npz", lambda own: npz(x=np.zeros((40, 3)), y=own.labels), "shape 40 x 3"),
        ("a.parquet", lambda own: b"PAR1\x15\4", "pandas' to_csv"),
        ("a.xlsx", lambda own: zipped({"xl/workbook.xml": b"<"}), "save its sheet as CSV"),
        ("a.svm", lambda own: b"5 153:0.01 154:0.2\n3 152:1\n", "is in LIBSVM's form"),
        ("a.csv", lambda own: b"a.png,7\nb.png,8\n", "names 2 pictures, none of which came"),
        ("a.csv", lambda own: b"name,label\na.png,7\nb.png,x\n", "in its row 2"),
        ("a.csv", lambda own: b"a.png\nb.png\n", "in its row 1"),
        (
            "a.csv",
            lambda own: b'a.png,7\n"b.png,8\n' + b"c.png,9\n" * 20_000,
            "names too many pictures",
        ),
        ("a.csv", lambda own: b'a.png,7\n"b.png,8\n' + b"c" * 900 + b"\n" * 9, "in its row 2"),
        ("a.csv", lambda own: b"a.png,7\n" + b"," * 10_000_000, "names too many pictures"),
        ("a.csv", lambda own: b"a.png,7" + b"," * 1000, "more than 1,000 characters"),
        ("a.arff", lambda own: b"@relation a\n@attribute b\n@data\n1,2\n", "1 names for 2 columns"),
        ("a.csv", lambda own: b"label,pixel0\n", "neither a picture nor a set"),
        ("a.csv", lambda own: b"1,2,3\n4,5\n", "is no table: 2 rows of 3 columns"),
        ("a.csv", lambda own: b"1,2,3\n4,x,5\n", "something among its numbers"),
        ("a.mat", lambda own: b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM", "X and y"),
        ("a.mat", lambda own: b"MATLAB 5.0".ljust(124) + b"\0\1IM\x0f\0\0\0\xff\0\0\0x", "X and y"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(own, name, raw, says):
    loaded = load([(name, raw(own))])
    assert not len(loaded.digits)
    assert any(says in why for _, why in loaded.rejected), loaded.rejected


def test_two_tables_that_contradict_each_other_are_not_both_believed(own):
    files = [("a.png", saved(own.images[0])), ("x.csv", b"a.png,7\n"), ("y.csv", b"a.png,3\n")]
    loaded = load(files)
    assert loaded.digits.labels.tolist() == [7]
    assert loaded.rejected == [("y.csv", "says 3 of a picture, and another table something else.")]


def test_tables_that_name_pictures_are_bounded(own):
    files = [("a.png", saved(own.images[0])), *((f"{i}.csv", b"a.png,7\n") for i in range(11))]
    loaded = load(files)
    assert loaded.digits.labels.tolist() == [7]
    assert ("10.csv", "is one table more than the 10 that may name pictures.") in loaded.rejected


def test_a_table_goes_before_what_folders_and_names_tell(own):
    members = {"train/1/a-2.png": saved(own.images[0]), "test/a-2.png": saved(own.images[1])}
    files = [("o.zip", zipped({**members, "labels.csv": b"1/a-2.png,7\n"}))]
    assert {k: d.labels.tolist() for k, d in load(files).parts.items()} == {
        "train": [7],
        "test": [2],
    }


def test_a_set_larger_than_is_kept_names_the_command_line(own):
    rows = np.column_stack([own.labels, flat(own)])
    for files in ([("m.csv", csv(rows))], [("m.npz", npz(x=own.images, y=own.labels))]):
        loaded = load(files, Bounds(digits=39))
        assert not len(loaded.digits)
        assert "python -m lrcore train --data" in loaded.rejected[0][1]
    assert ON_A_PAGE.digits == 10_000


@pytest.mark.parametrize("seed", range(30))
def test_no_damage_to_a_zip_raises(own, seed):
    rng = np.random.default_rng(seed)
    raw = bytearray(to_zip(own.take(slice(0, 3))))
    for at in rng.integers(0, len(raw), 5):
        raw[at] = rng.integers(256)
    loaded = load([("own.zip", b"PK" + bytes(raw[2:]))])
    assert len(loaded.digits) <= 3


MAGICS = (b"PK\3\4", b"\x1f\x8b", b"\0\0\x08\3", b"\x93NUMPY\1\0", b"MATLAB", b"1,2\n", b"\x89PNG")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(MAGICS), st.binary(max_size=300), st.text(max_size=20))
def test_whatever_is_brought_is_named_or_kept(magic, rest, name):
    loaded = load([(name, magic + rest)])
    assert len(loaded.rejected) + len(loaded.digits) <= 2
    for _, why in loaded.rejected:
        assert why.endswith((".", ")"))
        assert "\n" not in why


# On the command line.


def written(folder, files):
    for name, raw in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    return folder


def test_a_folder_of_any_form_is_a_part_or_both(own, tmp_path):
    for form in ("idx", "kaggle", "keras", "csv last".replace(" ", " label "), "folders digit_"):
        folder = written(tmp_path / form.replace(" ", "-"), dict(forms(own))[form])
        data, loaded = load_part(folder, "test" if form == "keras" else "train")
        assert len(data) == (10 if form == "keras" else 40)
        assert not loaded.rejected
    nested = written(tmp_path / "nested", [(f"a/b/{n}", raw) for n, raw in dict(forms(own))["idx"]])
    assert len(load_part(nested)[0]) == 40
    ((file, content),) = dict(forms(own))["kaggle"]
    written(tmp_path, [(file, content)])
    np.testing.assert_array_equal(load_part(tmp_path / file)[0].labels, own.labels)


def test_parts_may_be_folders_of_pictures(own, tmp_path):
    files = [
        (f"{'train' if i < 30 else 'test'}/{k}/{i:02}.png", saved(image))
        for i, (image, k) in pairs_of(own)
    ]
    written(tmp_path, files)
    assert [len(load_part(tmp_path, part)[0]) for part in ("train", "test")] == [30, 10]


def test_a_large_plain_file_is_mapped_and_not_read(own, tmp_path, monkeypatch):
    from lrcore import datasets

    monkeypatch.setattr(datasets, "MAX_SET_BYTES", 10_000)
    images, labels = to_idx(own)
    written(tmp_path, [("emnist-train-images", images), ("emnist-train-labels", labels)])
    data, _ = load_part(tmp_path)
    assert isinstance(data.images.base, np.memmap) or isinstance(data.images, np.memmap)
    np.testing.assert_array_equal(data.images, own.images)
    written(tmp_path, [("emnist-train-images", images[:-1])])
    with pytest.raises(UserError, match="not as long as its header says"):
        load_part(tmp_path)


def test_near_misses_are_named(own, tmp_path):
    with pytest.raises(UserError, match=r"There is no '.*nowhere'"):
        load_part(tmp_path / "nowhere")
    with pytest.raises(UserError, match="has no train-images-idx3-ubyte"):
        load_part(tmp_path)
    images, labels = to_idx(own)
    written(tmp_path, [("t10k-images.idx3-ubyte", images)])
    with pytest.raises(UserError, match=r"t10k-images\.idx3-ubyte holds 40 pictures without"):
        load_part(tmp_path)
    written(tmp_path, [("t10k-labels.idx1-ubyte", labels)])
    with pytest.raises(UserError, match="no train part: found 40 digits of its test part"):
        load_part(tmp_path)
    assert len(load_part(tmp_path, "test")[0]) == 40


def test_the_command_line_reads_what_is_brought_and_says_what_it_did(test_set, tmp_path, capsys):
    data = test_set.take(slice(0, 100))
    turned = data.images.transpose(0, 2, 1)
    path = tmp_path / "emnist.npz"
    path.write_bytes(npz(x=turned, y=data.labels))
    assert main(["evaluate", "--data", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "of 100 pictures read right" in out
    assert "turned about their diagonal" in err
    assert main(["evaluate", "--data", str(path), "--as-is", "--json"]) == 0
    out, err = capsys.readouterr()
    assert '"images": 100' in out
    assert not err
    made = tmp_path / "made.npz"
    train = ["train", "--data", str(path), "--images", "80", "--iterations", "3"]
    assert main([*train, "--out", str(made)]) == 0
    out, err = capsys.readouterr()
    assert "turned" in err


def test_one_file_is_what_is_in_it_whatever_its_name(own, tmp_path, capsys):
    ((_, content),) = dict(forms(own))["kaggle"]
    written(tmp_path, [("train.csv", content)])
    assert main(["evaluate", "--data", str(tmp_path / "train.csv")]) == 0
    assert "of 40 pictures" in capsys.readouterr().out


def test_a_set_without_a_test_part_trains_and_says_so(test_set, tmp_path, capsys):
    data = test_set.take(slice(0, 100))
    files = [(f"train-{n}", raw) for n, raw in zip(("x", "y"), to_idx(data), strict=True)]
    written(tmp_path / "set", files)
    made = tmp_path / "made.npz"
    train = ["train", "--data", str(tmp_path / "set"), "--images", "80", "--iterations", "3"]
    assert main([*train, "--out", str(made)]) == 0
    out, err = capsys.readouterr()
    assert "no test part" in err
    assert "held-out accuracy" in out
    assert main(["info", str(made)]) == 0
    assert "test_accuracy" not in capsys.readouterr().out
