#!/bin/sh
# Makes the networks of this folder again, in about three quarters of an hour on two cores:
#
#     cargo build --release && sh assets/models/train.sh target/release/saliscope assets/models
#
# Every one is trained on 3000 phantoms of a seed that nothing else uses (70 % train, 10 % validation). The same bits come
# out whatever the number of threads, on processors of one instruction set (these: AVX-512).
set -eu
saliscope=$1
out=$2

train() {
  name=$1
  shift
  "$saliscope" train "$@" --input-size 160 --patience 0 --precision f16 --force --out "$out/$name.safetensors"
  rm -f "$out/$name.csv" "$out/$name.png"
}
pneumothorax="--cohort phantom:11:3000 --task pneumothorax --learning-rate 0.002"
pneumonia="--cohort phantom:12:3000 --task pneumonia"

for seed in 1 2 3; do
  train pneumothorax_inception_v3_$seed $pneumothorax --arch inception_v3 --width 0.25 --epochs 3 --seed $seed
done
train pneumonia_inception_v3_1 $pneumonia --learning-rate 0.002 --arch inception_v3 --width 0.25 --epochs 6 --seed 1
for seed in 2 3; do
  train pneumonia_inception_v3_$seed $pneumonia --learning-rate 0.002 --arch inception_v3 --width 0.25 --epochs 5 \
    --seed $seed
done
train pneumothorax_densenet_121_1 $pneumothorax --arch densenet_121 --width 0.25 --epochs 4 --seed 1
train pneumonia_densenet_121_1 $pneumonia --learning-rate 0.002 --arch densenet_121 --width 0.25 --epochs 4 --seed 1
for seed in 1 2; do
  train pneumothorax_u_net_$seed $pneumothorax --arch u_net --width 0.125 --epochs 2 --batch 8 --seed $seed
  train pneumonia_retina_net_$seed $pneumonia --learning-rate 0.0015 --arch retina_net --width 0.125 \
    --anchor-base 20 --epochs 8 --seed $seed
done
