"""Attribution: who gets the credit for an order, and what each channel's credit costs.

Knows touch paths and costs only, on anyone's data; never sees the simulated truth.
"""
