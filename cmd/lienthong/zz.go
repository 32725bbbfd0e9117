package main

type synthCmd struct{}

func (c *synthCmd) Run() error { return nil }
