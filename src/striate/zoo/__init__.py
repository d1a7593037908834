"""Networks, one file a paper, found by name: `networks["lenet5"](image, classes)` builds one.

>>> networks["LeNet-5"]().conv1
Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
"""

from striate.registry import Registry

networks = Registry("network", "striate.zoo", mark="facts", group="striate.networks")
