#!/bin/sh
# A job of several shards as a Slurm array, on a cluster whose nodes share the
# home (PP_STORE=file:...) or reach the AWS one:
#
#	job=$(pp-job create ... --shards 16 | jq -r .job_id)
#	sbatch --array=0-15 --export=ALL,JOB="$job" slurm-array.sh
#
# Each task takes whatever is free. Before its time is up, or when it is
# preempted, Slurm sends SIGTERM: the worker checkpoints, gives its shard back
# and ends with 75, and the task is queued again.
#
#SBATCH --job-name=plot-palette
#SBATCH --cpus-per-task=1
#SBATCH --mem=512M
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
status=0
srun --ntasks=1 pp-worker --job "$JOB" || status=$?
if [ "$status" -eq 75 ]; then
	scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
	exit 0
fi
exit "$status"
