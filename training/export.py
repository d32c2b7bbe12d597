"""Write a run's averaged network to `model/`: graph, calibration, thresholds and manifest, after checking them."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import shutil
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from training import calibrate, data, evaluate, metrics, pipeline
from training.network import Detector, parameters

NAME, VERSION = "bonafide-cnn", "0.1.0"
LARGEST = 4 * 1024 * 1024
TOLERANCE = 1e-3


def trained(run: str, average_with: str | None = None) -> tuple[Detector, dict]:
    """The averaged network of a run, ready to infer, and the run's checkpoint.

    With `average_with`, the mean of its weights and those of the run that it started from: along such a path the mean
    is usually better than either end (Wortsman et al., 2022, "Robust fine-tuning of zero-shot models").
    """
    checkpoint = torch.load(data.RUNS / run / "checkpoint.pt", weights_only=False, map_location="cpu")
    state = checkpoint["average"]
    if average_with:
        other = torch.load(data.RUNS / average_with / "checkpoint.pt", weights_only=False, map_location="cpu")[
            "average"
        ]
        state = {n: torch.lerp(v, other[n], 0.5) if v.is_floating_point() else v for n, v in state.items()}
    network = Detector()
    network.load_state_dict(state)
    return network.eval(), checkpoint


def write_graph(network: Detector, path: Path) -> None:
    """Export to ONNX at opset 17 with all shapes fixed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (torch.randn(1, pipeline.WINDOW),), str(path), input_names=["waveform"], output_names=["logit"],
            opset_version=17, dynamo=False,
        )  # fmt: skip
    graph = onnx.load(path)
    _give_stft_a_channel(graph)
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, path)


def _give_stft_a_channel(model: onnx.ModelProto) -> None:
    """Feed the STFT operator `[batch, samples, 1]`, as its specification says; PyTorch leaves the last axis out, which
    onnxruntime accepts and tract does not."""
    for place, node in enumerate(model.graph.node):
        if node.op_type == "STFT":
            model.graph.initializer.append(numpy_helper.from_array(np.array([-1], np.int64), "stft_axis"))
            unsqueeze = helper.make_node("Unsqueeze", [node.input[0], "stft_axis"], ["stft_signal"])
            node.input[0] = "stft_signal"
            model.graph.node.insert(place, unsqueeze)
            return
    raise ValueError("the graph has no STFT operator")


def check(network: Detector, path: Path) -> dict[str, float]:
    """Hold onnxruntime and tract to PyTorch on speech-like noise, silence and a loud tone; milliseconds per window."""
    random = np.random.default_rng(0)
    swell = np.abs(np.sin(np.arange(pipeline.WINDOW) / 3000))
    signals = [
        0.2 * swell * random.standard_normal(pipeline.WINDOW),
        1e-3 * random.standard_normal(pipeline.WINDOW),
        np.sin(np.arange(pipeline.WINDOW) * 0.1),
        np.zeros(pipeline.WINDOW),
    ]
    signals = [signal.astype(np.float32) for signal in signals]
    with torch.no_grad():
        expected = [float(network(torch.from_numpy(signal)[None])) for signal in signals]
    runtimes = {"onnxruntime": evaluate.onnx_scorer(path)}
    try:
        import tract

        runnable = tract.onnx().load(str(path)).into_model().into_runnable()
        runtimes["tract"] = lambda window: float(np.ravel(runnable.run([window[None]])[0].to_numpy())[0])
    except ImportError:
        print("tract is not installed: its check is left out")
    timings = {}
    for name, scorer in runtimes.items():
        worst = max(abs(scorer(signal) - value) for signal, value in zip(signals, expected, strict=True))
        if worst > TOLERANCE:
            raise ValueError(f"{name} is {worst:.2e} away from PyTorch")
        times = []
        for _ in range(40):
            begin = time.process_time()
            scorer(signals[0])
            times.append(time.process_time() - begin)
        timings[name] = round(1000 * float(np.median(times)), 1)
        print(f"{name}: at most {worst:.1e} from PyTorch, {timings[name]} ms of CPU time per window")
    return timings


def training_data(options: dict, average_with: str | None) -> str:
    """What a run was trained on, in words."""
    parts = ["train split of the project's corpus"]
    if options["hold_out"] is not None:
        parts.append(f"without the sources and systems of fold {options['hold_out']} of {options['folds']}")
    if options["twin_share"]:
        parts.append(f"{options['twin_share']:.0%} of each batch in pairs of bona fide clips and copy-synthesis twins")
    if options["start_from"]:
        parts.append(f"from the weights of run {options['start_from']}")
    if average_with:
        parts.append(f"weights then averaged with those of run {average_with}")
    return ", ".join(parts)


def figures(logits: np.ndarray, clips: list[data.Clip], scale: float, offset: float, threshold: float) -> dict:
    """The dev figures that go into the manifest."""
    labels = np.array([clip.spoof for clip in clips])
    llr = scale * logits + offset
    probabilities = 1 / (1 + np.exp(-llr))
    summary = evaluate.summary(probabilities, clips, threshold)
    return {
        "dev_clips": summary["clips"],
        "dev_eer": summary["eer"],
        "dev_eer_interval_95": summary["eer_interval_95"],
        "dev_auc": summary["auc"],
        "dev_cllr": round(metrics.cllr(llr, labels), 4),
        "dev_calibration_error": round(metrics.expected_calibration_error(probabilities, labels), 4),
        "dev_false_alarm_rate_at_threshold": summary["false_alarm_rate"],
        "dev_miss_rate_at_threshold": summary["miss_rate"],
        "note": "calibration and threshold were fitted on dev as well",
    }


def main() -> None:
    """Export a run to model/, calibrated on dev."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--run", default="final")
    parser.add_argument(
        "--average-with", help="run whose weights to average with; it must be what this one started from"
    )
    parser.add_argument("--corpus", type=Path, default=data.CORPUS)
    parser.add_argument("--model", type=Path, default=pipeline.MODEL)
    parser.add_argument("--graph-only", type=Path, help="write only the graph, to this path")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network, checkpoint = trained(arguments.run, arguments.average_with)
    if arguments.graph_only:
        write_graph(network, arguments.graph_only)
        return
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "detector.onnx"
        write_graph(network, graph)
        if graph.stat().st_size > LARGEST:
            raise ValueError(f"the graph has {graph.stat().st_size} bytes, more than {LARGEST}")
        check(network, graph)
        clips = data.load("dev")
        logits = evaluate.score(clips, arguments.corpus, evaluate.onnx_scorer(graph))
        labels = np.array([clip.spoof for clip in clips])
        scale, offset = (round(value, 6) for value in calibrate.fit(logits, labels))
        probabilities = 1 / (1 + np.exp(-(scale * logits + offset)))
        threshold = calibrate.threshold(probabilities, labels)
        manifest = {
            "name": NAME,
            "version": VERSION,
            "file": "detector.onnx",
            "sha256": hashlib.sha256(graph.read_bytes()).hexdigest(),
            "licence": "MIT OR Apache-2.0",
            "sample_rate_hz": pipeline.SAMPLE_RATE,
            "window_samples": pipeline.WINDOW,
            "hop_samples": pipeline.HOP,
            "input": {
                "name": "waveform",
                "shape": [1, pipeline.WINDOW],
                "meaning": "4 s of mono speech at 16 kHz in [-1, 1], windowed as training/pipeline.py says",
            },
            "output": {
                "name": "logit",
                "shape": [1],
                "meaning": "uncalibrated log-odds that the window is spoof",
            },
            "calibration": {
                "scale": scale,
                "offset": offset,
                "meaning": "log-likelihood ratio of spoof = scale * mean window logit + offset",
            },
            "thresholds": {"spoof_probability": threshold},
            "training": {
                "data": training_data(checkpoint["options"], arguments.average_with),
                "parameters": parameters(network),
                "date": datetime.date.today().isoformat(),
                **{key: checkpoint["options"][key] for key in ("run", "seed", "steps", "batch", "samples")},
                "steps_done": checkpoint["step"],
            },
            "figures": figures(logits, clips, scale, offset, threshold),
        }
        (Path(folder) / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
        arguments.model.mkdir(exist_ok=True)
        for name in ("detector.onnx", "manifest.json"):
            shutil.move(Path(folder) / name, arguments.model / name)
    print(json.dumps(manifest["figures"], indent=1))
    evaluate.print_tables(evaluate.groups(probabilities, clips, threshold))


if __name__ == "__main__":
    main()
