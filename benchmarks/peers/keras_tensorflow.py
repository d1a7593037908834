"""LeNet-5 on MNIST as Keras' own documentation trains a convolutional network from arrays; prints one JSON line."""

import argparse
import json
import os
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow
from keras import layers
from mnist import pictures


class Clock(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.begun)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)
    (x, y), (test_x, test_y) = (pictures(options.folder, part) for part in ("train", "t10k"))
    x, test_x = (np.expand_dims(v.astype("float32") / 255, -1) for v in (x, test_x))
    net = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dense(10),
        ]
    )
    net.compile(
        optimizer=keras.optimizers.SGD(0.01, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    clock = Clock()
    net.fit(x, y, batch_size=options.batch, epochs=options.epochs, verbose=0, callbacks=[clock])
    accuracy = net.evaluate(test_x, test_y, batch_size=1000, verbose=0)[1]
    version = f"keras {keras.__version__}, tensorflow {tensorflow.__version__}"
    print(json.dumps({"seconds": clock.seconds, "accuracy": [float(accuracy)], "version": version}))


main()
