"""Shares and cash: how a basket of orders becomes fills, holdings and a NAV."""
