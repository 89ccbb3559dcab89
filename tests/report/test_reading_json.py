"""reading.json: out, validated by an independent program, and back."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import jsonschema
import numpy as np
import pytest

from condyle.errors import CondyleError, InputError, TableError
from condyle.report.reading_document import json_schema
from condyle.report.reading_json import export, load_reading
from condyle.study import Finding, Site

SCHEMA = json.loads((files("condyle.report") / "reading.schema.json").read_text())


def written(reading, folder):
    path = folder / "reading.json"
    path.write_bytes(export(reading)["reading.json"])
    return path


def test_the_schema_that_ships_is_the_one_that_loading_follows():
    assert json_schema() == SCHEMA, "run: python -m condyle.report.reading_document > src/condyle/report/reading.schema.json"


def test_the_schema_is_valid_and_every_example_follows_it(reading):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(export(reading)["reading.json"]), SCHEMA)


def test_the_schema_refuses_unknown_keys_everywhere(lumbar):
    for place in ("study", "package", "condyle"):
        document = json.loads(export(lumbar)["reading.json"])
        document[place]["surprise"] = 1
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, SCHEMA)
    document = json.loads(export(lumbar)["reading.json"])
    document["findings"][0]["site"]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_there_and_back_and_there_again_is_the_same_file(reading, tmp_path):
    path = written(reading, tmp_path)
    assert export(load_reading(path))["reading.json"] == path.read_bytes()


def test_what_comes_back_is_the_reading(lumbar, tmp_path):
    back = load_reading(written(lumbar, tmp_path))
    assert back.findings == lumbar.findings
    assert back.checks == lumbar.checks
    assert back.problems == lumbar.problems
    assert back.package == lumbar.package
    assert dict(back.used_series) == dict(lumbar.used_series)
    assert (back.flags, back.unused, back.seed, back.joint) == (lumbar.flags, lumbar.unused, lumbar.seed, lumbar.joint)
    for one, other in zip(back.key_images, lumbar.key_images, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert one.geometry == other.geometry
    for one, other in zip(back.evidence, lumbar.evidence, strict=True):
        assert np.abs(one.points - other.points).max(initial=0) <= 0.0005
        if other.image is not None:
            assert np.abs(one.image - other.image).max() <= np.ptp(other.image) / 65535


def test_a_constant_class_map_survives(lumbar, tmp_path):
    evidence = tuple(replace(one, image=np.full((3, 4), 0.25, np.float32)) if one.kind == "class_map" else one for one in lumbar.evidence)
    back = load_reading(written(replace(lumbar, evidence=evidence), tmp_path))
    assert all(np.allclose(one.image, 0.25) for one in back.evidence if one.kind == "class_map")


def test_free_text_of_headers_and_witnesses_stays_out(lumbar):
    text = export(lumbar)["reading.json"].decode()
    assert '["timing","t2"]' in text
    assert '["text","(text)"]' in text
    assert "repetition_time" in text
    assert "series_description" not in text


def test_a_number_that_is_not_finite_is_an_error_and_no_file(lumbar):
    finding = Finding("slip", Site(level="L4-L5"), "measurement", "present", value=float("nan"), unit="mm")
    with pytest.raises(CondyleError) as error:
        export(replace(lumbar, findings=(finding,)))
    assert error.value.code == "reading-not-finite"


def test_numpy_numbers_are_plain_numbers_in_the_file(lumbar):
    finding = Finding("bulging", Site(level="L4-L5"), "binary", "present", score=np.float32(0.75), evidence=())
    document = json.loads(export(replace(lumbar, findings=(finding,), seed=np.int64(3)))["reading.json"])
    assert document["findings"][0]["score"] == 0.75
    assert document["seed"] == 3


def spoilt(document):
    yield "unknown key", document | {"surprise": 1}, "surprise"
    yield "missing key", {key: value for key, value in document.items() if key != "flags"}, "flags"
    score = json.loads(json.dumps(document))
    score["findings"][1]["score"] = 1.5
    yield "score out of range", score, "findings.1"
    orphan = json.loads(json.dumps(document))
    orphan["findings"][0]["evidence"] = ["nowhere"]
    yield "evidence that is not there", orphan, "no evidence"
    twice = json.loads(json.dumps(document))
    twice["evidence"][1]["evidence_id"] = twice["evidence"][0]["evidence_id"]
    yield "two evidences with one id", twice, "twice"
    flat = json.loads(json.dumps(document))
    flat["key_images"][0]["geometry"]["affine"][0] = [0.0, 0.0, 0.0, 0.0]
    yield "singular geometry", flat, "key_images.0: the geometry"
    picture = json.loads(json.dumps(document))
    picture["key_images"][0]["image"]["png"] = "bm90IGEgcG5n"
    yield "no PNG", picture, "key_images.0: an inline image is not a PNG"
    plane = json.loads(json.dumps(document))
    plane["evidence"][0]["points"] = [[1.0, 2.0]]
    yield "points that are not in space", plane, "evidence.0.points"


def test_whatever_is_wrong_is_told_with_its_place(lumbar, tmp_path):
    document = json.loads(export(lumbar)["reading.json"])
    for what, content, told in spoilt(document):
        path = tmp_path / "reading.json"
        path.write_text(json.dumps(content))
        with pytest.raises(TableError) as error:
            load_reading(path)
        assert told in str(error.value), what


def test_all_problems_come_at_once(lumbar, tmp_path):
    document = json.loads(export(lumbar)["reading.json"])
    document["findings"][0]["grade"] = "four"
    document["seed"] = "seven"
    document["surprise"] = 1
    path = tmp_path / "reading.json"
    path.write_text(json.dumps(document))
    with pytest.raises(TableError) as error:
        load_reading(path)
    assert len(error.value.problems) >= 3


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "reading-invalid"),
        (b"\xff\xfe", "reading-invalid"),
        (b"[]", "reading-version"),
        (b"[" * 200_000, "reading-invalid"),
        (b'{"schema_version": "99"}', "reading-version"),
        (b'{"schema_version": "1.0"}', "reading-invalid"),
    ],
)
def test_a_file_that_is_no_reading_is_refused(tmp_path, content, code):
    path = tmp_path / "reading.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        load_reading(path)
    assert error.value.code == code


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError) as error:
        load_reading(tmp_path / "nowhere.json")
    assert error.value.code == "reading-unreadable"


def test_a_file_of_absurd_size_is_not_read(tmp_path):
    path = tmp_path / "reading.json"
    with path.open("wb") as file:
        file.truncate(300 * 2**20)
    with pytest.raises(InputError) as error:
        load_reading(path)
    assert error.value.code == "reading-too-large"
