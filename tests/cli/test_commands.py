"""The command line as a person and as a program meet it: answers, mistakes, exit codes."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

import striate
from striate.cli import main
from striate.data.formats.idx import read_array, write_array
from striate.data.read import read


def run(capsys, *arguments):
    """Exit code, standard output and standard error of one command."""
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as exit_:
        code = exit_.code
    said = capsys.readouterr()
    return code, said.out, said.err


def wrong(capsys, *arguments):
    """The one line on standard error of a command that ends with exit code 2 and says nothing else."""
    code, out, err = run(capsys, *arguments)
    assert code == 2, err
    assert out == ""
    assert err.count("\n") == 1, err
    return err


@pytest.fixture(scope="module")
def idx_folder(tmp_path_factory, few_digits):
    """`few_digits` as four IDX files."""
    folder = tmp_path_factory.mktemp("idx")
    for part, pictures in (("train", few_digits.train), ("t10k", few_digits.test)):
        write_array(folder / f"{part}-images-idx3-ubyte", pictures.images[:, 0].numpy())
        write_array(folder / f"{part}-labels-idx1-ubyte", pictures.labels.numpy().astype("uint8"))
    return folder


@pytest.fixture(scope="module")
def finished(idx_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    return striate.train(idx_folder, "lenet5", run=folder, epochs=8, batch_size=32).run.folder


def test_version(capsys):
    assert run(capsys, "--version")[:2] == (0, f"{striate.__version__}\n")
    assert json.loads(run(capsys, "--version", "--json")[1]) == {"version": striate.__version__}


@pytest.mark.parametrize("verb", ["train", "evaluate", "predict", "show", "report"])
def test_every_verb_explains_itself(capsys, verb):
    code, out, _ = run(capsys, verb, "--help")
    assert code == 0
    assert "--json" in out


def test_train_ends_with_one_json_object_that_other_tools_rely_on(capsys, idx_folder, tmp_path):
    folder = tmp_path / "run"
    code, out, err = run(capsys, "train", idx_folder, "--net", "simple_cnn", "--epochs", "1", "--run", folder, "--json")
    assert code == 0
    result = json.loads(out.splitlines()[-1])
    assert result["parameters"] == 17_404
    assert result["run"] == str(folder)
    assert 0 <= result["accuracy"] <= 1
    assert result["seconds"] > 0
    assert "epoch 1/1" in err


def test_evaluate_agrees_with_the_training(capsys, finished, idx_folder):
    code, out, _ = run(capsys, "evaluate", finished, idx_folder, "--json")
    result = json.loads(out)
    assert (code, result["examples"]) == (0, 200)
    assert result["accuracy"] == json.loads((finished / "model.json").read_text())["facts"]["accuracy"]


def test_predict_names_the_digit_in_a_picture_file(capsys, finished, few_digits, tmp_path):
    files = []
    for i in range(20):
        files.append(tmp_path / f"{i}.png")
        Image.fromarray(few_digits.test.images[i, 0].numpy()).save(files[-1])
    code, out, _ = run(capsys, "predict", finished, *files, "--json")
    answers = json.loads(out)
    assert code == 0
    assert [answer["file"] for answer in answers] == [str(file) for file in files]
    for answer in answers:
        assert answer["top"][0] == {"label": answer["label"], "probability": answer["probability"]}
        assert [t["probability"] for t in answer["top"]] == sorted(
            (t["probability"] for t in answer["top"]), reverse=True
        )
    right = sum(a["label"] == str(int(few_digits.test.labels[i])) for i, a in enumerate(answers))
    assert right >= 15


def test_report_is_written_again(capsys, finished):
    (finished / "report.html").unlink()
    code, out, _ = run(capsys, "report", finished)
    assert (code, out) == (0, f"{finished / 'report.html'}\n")
    assert (finished / "report.html").read_text().startswith("<!doctype html>")


def test_the_configuration_of_a_run_starts_it_again(capsys, idx_folder, tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    run(capsys, "train", idx_folder, "--net", "simple_cnn", "--epochs", "1", "--run", first)
    code, _, err = run(capsys, "train", "--recipe", first / "config.toml", "--run", again)
    assert code == 0, err
    ours, theirs = (striate.load(folder).net.state_dict() for folder in (again, first))
    assert all((ours[key] == theirs[key]).all() for key in theirs)


def test_a_recipe_sets_what_the_command_does_not(capsys, idx_folder, tmp_path):
    (tmp_path / "r.toml").write_text('net = "simple_cnn"\nepochs = 2\nbatch_size = 50\n')
    code, out, err = run(
        capsys,
        "train",
        idx_folder,
        "--recipe",
        tmp_path / "r.toml",
        "--epochs",
        "1",
        "--run",
        tmp_path / "run",
        "--json",
    )
    assert code == 0, err
    result = json.loads(out.splitlines()[-1])
    assert result["network"] == "simple_cnn"
    assert result["steps"] == 12  # 571 or 572 pictures, 50 a step


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian", "digits"], "there is no verb 'trian'. Did you mean train?"),
        (["train", "digits", "--epoch", "3"], "there is no option '--epoch'. Did you mean --epochs?"),
        (["train", "digits", "--epochs", "0"], "train: epochs is 0; it must be between 1 and 1e+06."),
        (["train", "digits", "--epochs", "many"], "train: epochs is 'many'; it must be a whole number."),
        (["train", "digits", "--net", "lenet55"], "there is no network called 'lenet55'. Did you mean lenet5"),
        (["train", "digitts"], "Did you mean digits?"),
        (["train"], "train: data is missing: a data set by name"),
        (["train", "digits", "--recipe", "none.toml"], "none.toml: there is no such file."),
        (["evaluate", "nowhere", "digits"], "nowhere"),
        (["predict", "nowhere", "x.png"], "nowhere"),
        (["report", "nowhere"], "nowhere: there is no such folder."),
        (["show", "nonet"], "there is no network called 'nonet'"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_would_mend_it(capsys, arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert words in wrong(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_key_of_a_recipe_is_named_with_its_file(capsys, tmp_path):
    (tmp_path / "r.toml").write_text("rat = 0.1\n")
    said = wrong(capsys, "train", "digits", "--recipe", tmp_path / "r.toml")
    assert "r.toml: there is no setting 'rat'. Did you mean rate?" in said


def test_a_picture_that_cannot_be_read_is_named(capsys, finished, tmp_path):
    (tmp_path / "not.png").write_text("hello")
    assert "not.png" in wrong(capsys, "predict", finished, tmp_path / "not.png")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_run_folder_that_cannot_be_written_is_named(capsys, idx_folder, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "cannot be written" in wrong(capsys, "train", idx_folder, "--run", tmp_path / "closed" / "run")


def test_a_run_folder_below_a_file_is_named(capsys, idx_folder, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in wrong(capsys, "train", idx_folder, "--run", tmp_path / "file" / "run")


def test_a_full_disk_leaves_the_earlier_model_and_no_temporary_file(finished, idx_folder, tmp_path):
    """A limit on the size of files stands for a full disk; it needs no rights and the error takes the same way."""
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    before = (folder / "model.safetensors").read_bytes()
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "from striate.cli import main\n"
        f"sys.exit(main(['train', {str(idx_folder)!r}, '--epochs', '1', '--run', {str(folder)!r}, '--overwrite']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "cannot be saved" in done.stderr.splitlines()[-1]
    assert (folder / "model.safetensors").read_bytes() == before
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_ctrl_c_leaves_a_readable_run_and_exits_130(idx_folder, tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "striate.cli", "train", str(idx_folder), "--epochs", "5000", "--run", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (folder / "log.jsonl").exists() or '"epoch"' not in (folder / "log.jsonl").read_text():
        assert time.monotonic() < deadline, "the training did not start"
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "stopped as asked" in err
    assert striate.load(folder).facts["stopped"] is True
    assert (folder / "report.html").exists()


def test_idx_files_written_by_the_tests_read_back(idx_folder, few_digits):
    assert (read_array(idx_folder / "t10k-labels-idx1-ubyte") == few_digits.test.labels.numpy()).all()
    assert read(idx_folder).train.shape == (1, 28, 28)
