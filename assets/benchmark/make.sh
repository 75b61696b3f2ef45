#!/bin/sh
# Makes the trust cards of this folder again, in about two and a half hours on one core: the benchmark of the program's own networks
# on 32 generated radiographs with the finding (utility: all of the test split).
#
#     cargo build --release && sh assets/benchmark/make.sh target/release/saliscope assets/benchmark RUNS
#
# RUNS is a folder for the runs, which take some gigabytes; where it holds them already, what is missing is done. The same
# numbers come out whatever the number of threads, on processors of one instruction set (these: AVX-512).
set -eu
saliscope=$1
out=$2
runs=$3

for finding in pneumothorax pneumonia; do
  run=$runs/run-$finding
  "$saliscope" benchmark run --protocol "$out/demo_$finding.toml" --out "$run" --threads 1
  "$saliscope" benchmark report "$run" --out "$runs/$finding.html" --no-images --force
  cp "$run/trust.json" "$out/$finding.json"
done
