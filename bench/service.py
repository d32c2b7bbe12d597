#!/usr/bin/env python3
"""Prints what the service costs on this machine: start, latency, throughput, memory and size.

    cargo build --release
    python3 bench/service.py [--binaries target/release] [--requests 200]

Needs espeak-ng and ffmpeg for the recording (10 s of speech as MP3, 44.1 kHz, 128 kbit/s). Only the standard library.
"""

import argparse
import base64
import http.client
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

KEY = "hackathon_demo_key_2026"
TEXT = (
    "The quick brown fox jumps over the lazy dog, while the old clock in the tower strikes nine. "
    "Nobody in the village had expected visitors at such an hour, and yet there was a knock at the door. "
)


def recording(folder: Path) -> bytes:
    wav, mp3 = folder / "speech.wav", folder / "speech.mp3"
    subprocess.run(["espeak-ng", "-w", wav, TEXT * 2], check=True)
    encode = ["-t", "10", "-ar", "44100", "-b:a", "128k", mp3]
    subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-i", wav, *encode], check=True)
    return mp3.read_bytes()


class Service:
    """One `bonafide serve` on a fresh data folder and a free port."""

    def __init__(self, binary: Path, data: Path):
        self.begun = time.perf_counter()
        arguments = [binary, "serve", "--port", "0", "--data-dir", data]
        quiet = {**os.environ, "RUST_LOG": "off"}
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=quiet, text=True)
        address = next(word for line in self.process.stdout for word in line.split() if word.startswith("http://"))
        self.host = address.removeprefix("http://").rstrip("/")

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, timeout=60)

    def memory(self, name: str) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(name))

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


def ask(connection, method, path, body=None):
    headers = {"content-type": "application/json", "x-api-key": KEY} if body else {}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    answer = json.load(response)
    if response.status != 200:
        raise SystemExit(f"{method} {path}: {response.status} {answer}")
    return answer


def starts(binary: Path, body: bytes, rounds: int):
    """Milliseconds from the start of the process to /health with a loaded model, and to the first verdict."""
    to_health, to_verdict = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as data:
            service = Service(binary, Path(data))
            connection = service.connect()
            if not ask(connection, "GET", "/health")["model_loaded"]:
                raise SystemExit("the model is not loaded")
            to_health.append((time.perf_counter() - service.begun) * 1000)
            ask(connection, "POST", "/api/v1/detect", body)
            to_verdict.append((time.perf_counter() - service.begun) * 1000)
            service.stop()
    return to_health, to_verdict


def client(service: Service, body: bytes, requests: int, milliseconds: list):
    connection = service.connect()
    for _ in range(requests):
        begun = time.perf_counter()
        ask(connection, "POST", "/api/v1/detect", body)
        milliseconds.append((time.perf_counter() - begun) * 1000)


def load(service: Service, body: bytes, clients: int, requests: int):
    """Milliseconds of each request, and requests per second."""
    milliseconds: list[float] = []
    share = requests // clients
    threads = [threading.Thread(target=client, args=(service, body, share, milliseconds)) for _ in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(milliseconds), len(milliseconds) / (time.perf_counter() - begun)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=Path, default=Path(__file__).parent.parent / "target/release")
    parser.add_argument("--requests", type=int, default=200)
    options = parser.parse_args()
    binary = options.binaries / "bonafide"

    with tempfile.TemporaryDirectory() as folder:
        audio = recording(Path(folder))
    body = json.dumps({"audio_base64": base64.b64encode(audio).decode(), "language": "English"}).encode()

    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, recording of {len(audio)} bytes\n")
    for path in sorted(options.binaries.glob("bonafide*")):
        if path.is_file() and os.access(path, os.X_OK):
            print(f"{path.name:20} {path.stat().st_size / 1e6:8.1f} MB")
    to_health, to_verdict = starts(binary, body, 10)
    print(f"\nstart to /health      {statistics.median(to_health):8.0f} ms (median of 10, worst {max(to_health):.0f})")
    print(f"start to verdict      {statistics.median(to_verdict):8.0f} ms (median of 10, worst {max(to_verdict):.0f})\n")

    with tempfile.TemporaryDirectory() as data:
        service = Service(binary, Path(data))
        print(f"memory when idle      {service.memory('VmRSS'):8.0f} MB")
        print("\nclients   p50 ms   p95 ms   p99 ms   per second")
        for clients in (1, 2, 8):
            milliseconds, rate = load(service, body, clients, options.requests)
            cuts = [milliseconds[min(len(milliseconds) - 1, int(len(milliseconds) * q))] for q in (0.5, 0.95, 0.99)]
            print(f"{clients:7} {cuts[0]:8.1f} {cuts[1]:8.1f} {cuts[2]:8.1f} {rate:12.1f}")
        print(f"\npeak memory           {service.memory('VmHWM'):8.0f} MB")
        service.stop()


if __name__ == "__main__":
    main()
