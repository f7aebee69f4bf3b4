"""Connectivity: are the credentials that a spec names there, and does a server on loopback answer?"""
