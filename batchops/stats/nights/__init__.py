"""A figure's nights: has it begun to move, and why?"""
