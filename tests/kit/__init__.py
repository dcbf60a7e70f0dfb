"""What tests share: places of this repository, made markets, a second ledger, recorded answers,
planted leaks.
"""
