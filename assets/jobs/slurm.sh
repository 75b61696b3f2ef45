#!/usr/bin/env bash
# A benchmark on a Slurm cluster: one array task a part, each with a database of its own, joined at the end.
#
#   saliscope benchmark init --out protocol.toml          # then fill in cohort and models
#   job=$(sbatch --parsable assets/jobs/slurm.sh)         # 16 parts; --array=0-31 for 32
#   sbatch --dependency=afterok:"$job" --wrap "saliscope benchmark merge run/benchmark.sqlite run/shard-*.sqlite"
#
# The part is read from SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT: nothing is to be changed for another number of
# tasks, as long as the array has a step of 1. A task that was killed or ran out of time goes on where it was when the same
# array is submitted again; finished parts end at once. Each image of the sample is worked on in a block of 8: more parts
# than blocks (100 images: 13) have nothing to do. Databases do not like network file systems that cannot lock files: put
# OUT on one that can (NFS 4, Lustre with flock), or on a local disk and copy the database at the end.
#
# Research use - not for diagnosis.

#SBATCH --job-name=saliscope
#SBATCH --array=0-15
#SBATCH --cpus-per-task=8
#SBATCH --mem=8G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@60
#SBATCH --output=saliscope-%A_%a.log

set -euo pipefail

PROTOCOL=${PROTOCOL:-protocol.toml}
OUT=${OUT:-run}

exec srun saliscope benchmark run --protocol "$PROTOCOL" --out "$OUT" --threads "${SLURM_CPUS_PER_TASK:-8}"
