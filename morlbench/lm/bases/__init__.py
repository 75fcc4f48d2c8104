"""The base models a policy can be trained on."""
