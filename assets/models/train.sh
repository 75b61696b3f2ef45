#!/bin/sh
# Makes the networks of this folder again, in about three quarters of an hour on two cores:
#
#     cargo build --release && sh assets/models/train.sh target/release/saliscope assets/models
#
# Every one is trained on 3000 phantoms of a seed that nothing else uses (70 % train, 10 % validation). The same bits come
# out whatever the number of threads, on processors of one instruction set.
set -eu
saliscope=$1
out=$2

train() {
  name=$1 task=$2 seed=$3 cohort=$4 arch=$5 width=$6 side=$7 epochs=$8
  "$saliscope" train --cohort "$cohort" --task "$task" --arch "$arch" --width "$width" --input-size "$side" \
    --epochs "$epochs" --patience 0 --learning-rate 0.002 --seed "$seed" --precision f16 --force \
    --out "$out/$name.safetensors"
  rm -f "$out/$name.csv" "$out/$name.png"
}

for replicate in 1 2 3; do
  train pneumothorax_inception_v3_$replicate pneumothorax $replicate phantom:11:3000 inception_v3 0.25 160 4
  train pneumonia_inception_v3_$replicate pneumonia $replicate phantom:12:3000 inception_v3 0.25 160 4
done
train pneumothorax_densenet_121_1 pneumothorax 1 phantom:11:3000 densenet_121 0.25 160 4
train pneumonia_densenet_121_1 pneumonia 1 phantom:12:3000 densenet_121 0.25 160 4
for replicate in 1 2; do
  train pneumothorax_u_net_$replicate pneumothorax $replicate phantom:11:3000 u_net 0.125 160 3
  train pneumonia_retina_net_$replicate pneumonia $replicate phantom:12:3000 retina_net 0.25 160 4
done
