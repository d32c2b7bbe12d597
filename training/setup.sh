#!/bin/sh
# Make .venv at the root of the repository with everything training needs.
#
# PyPI's torch for Linux is the CUDA build (0.9 GB, and 2.5 GB of nvidia packages that it cannot be imported without).
# Where PyTorch's own index of CPU builds can be reached, name it in TORCH_INDEX_URL: torch is then 0.2 GB.
set -eu
cd "$(dirname "$0")/.."
python3 -m venv .venv
torch=$(grep '^torch==' training/requirements.txt)
if [ -n "${TORCH_INDEX_URL:-}" ]; then
    .venv/bin/pip install --index-url "$TORCH_INDEX_URL" "$torch"
fi
# pyworld's build needs pkg_resources, which newer setuptools no longer have.
.venv/bin/pip install 'setuptools<80'
.venv/bin/pip install -r training/requirements.txt
