"""The recipe of the example company: every person, company and address in it is invented.

Everything follows from one seed, and only whole numbers are drawn, so that every machine makes the same company.
"""
